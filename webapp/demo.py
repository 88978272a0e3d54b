"""Demo staff and demo cases for a first start."""

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
    """The demo accounts; `password` is shown once, when it was generated, because only its hash is stored."""

    usernames: tuple[str, ...]
    password: str | None


@transaction.atomic
def create_staff(*, password: str, now: datetime) -> DemoStaff:
    """Create the missing demo accounts.

    A given password is set for all accounts and never shown. Without one, new accounts get a random password.
    """
    is_given = bool(password)
    site = accounts.get_or_create_default_site()
    users = [User.objects.filter(username=username).first() for username in STAFF]
    if not password and all(users):
        return DemoStaff(tuple(STAFF), None)
    password = password or _random_password()
    for user, (username, role) in zip(users, STAFF.items(), strict=True):
        if user is None:
            accounts.create_staff(username=username, password=password, role=role, sites=[site], now=now)
        elif not user.check_password(password):
            accounts.change_password(by=user, password=password, now=now)
    return DemoStaff(tuple(STAFF), None if is_given else password)


def create_cases(*, now: datetime) -> int:
    """Open the missing demo cases and return their number."""
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


def _random_password() -> str:
    return "-".join(secrets.token_hex(2) for _part in range(4))
