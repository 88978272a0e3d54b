"""Demo staff for a first start."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from diagnostics.accounts import services as accounts
from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role

STAFF = {"technician": Role.TECHNICIAN, "radiologist": Role.RADIOLOGIST, "admin": Role.ADMINISTRATOR}


@dataclass(frozen=True)
class DemoStaff:
    """The demo accounts; `password` is shown once, when it was generated, because only its hash is stored."""

    usernames: tuple[str, ...]
    password: str | None


@transaction.atomic
def create_staff(*, password: str, now: datetime) -> DemoStaff:
    """Create the missing demo accounts at the demonstration site; the administrator is at the main site too.

    A given password is set for all accounts and never shown. Without one, new accounts get a random password.
    """
    is_given = bool(password)
    users = [User.objects.filter(username=username).first() for username in STAFF]
    if not password and all(users):
        return DemoStaff(tuple(STAFF), None)
    password = password or _random_password()
    for user, (username, role) in zip(users, STAFF.items(), strict=True):
        if user is None:
            sites = _sites_of(role)
            accounts.create_staff(username=username, password=password, role=role, sites=sites, now=now)
        elif not user.check_password(password):
            accounts.change_password(by=user, password=password, now=now)
    return DemoStaff(tuple(STAFF), None if is_given else password)


def _sites_of(role: Role) -> list[Site]:
    """Return the sites of a demo account.

    Uploads and readings of the demonstration never count for training. The administrator imports labelled
    collections to the main site, where they do.
    """
    demonstration = accounts.get_or_create_demonstration_site()
    if role == Role.ADMINISTRATOR:
        return [accounts.get_or_create_default_site(), demonstration]
    return [demonstration]


def _random_password() -> str:
    return "-".join(secrets.token_hex(2) for _part in range(4))
