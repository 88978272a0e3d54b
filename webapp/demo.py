"""Demo staff and demo cases, so that the first visit has something to look at."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from diagnostics.accounts import services as accounts
from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Role
from diagnostics.cases.models import Case, Priority, View
from diagnostics.cases.services import admission as cases
from webapp.demo_radiographs import drawing_png

STAFF = {"technician": Role.TECHNICIAN, "radiologist": Role.RADIOLOGIST, "admin": Role.ADMINISTRATOR}
PRIORITIES = (Priority.ROUTINE, Priority.STAT, Priority.ROUTINE, Priority.URGENT, Priority.ROUTINE)


@dataclass(frozen=True)
class DemoStaff:
    """Who may log in; the password is known here only in the moment it is set."""

    usernames: tuple[str, ...]
    password: str | None


@transaction.atomic
def employ(*, password: str, now: datetime) -> DemoStaff:
    """Hire the demo staff who are missing; a given password is set for all, an empty one makes one up."""
    site = accounts.main_site()
    hired = [User.objects.filter(username=username).first() for username in STAFF]
    if not password and all(hired):
        return DemoStaff(tuple(STAFF), None)
    chosen = password or _made_up()
    for user, (username, role) in zip(hired, STAFF.items(), strict=True):
        if user is None:
            accounts.create_staff(username=username, password=chosen, role=role, sites=[site], now=now)
        elif not user.check_password(chosen):
            accounts.change_password(by=user, password=chosen, now=now)
    return DemoStaff(tuple(STAFF), chosen)


def admit(*, now: datetime) -> int:
    """Open the demo cases that are missing, and say how many."""
    technician = User.objects.get(username="technician")
    opened = 0
    for number, priority in enumerate(PRIORITIES, start=1):
        accession = f"DEMO-{number}"
        if not Case.objects.filter(accession_number=accession).exists():
            cases.open_case(
                radiograph=drawing_png(number),
                patient_ref=f"DEMO-PATIENT-{number}",
                accession_number=accession,
                view=View.PA,
                priority=priority,
                by=technician,
                now=now,
            )
            opened += 1
    return opened


def _made_up() -> str:
    return "-".join(secrets.token_hex(2) for _part in range(4))
