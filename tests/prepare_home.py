"""Prepare the Readroom home that the environment names, with staff, test sites and API tokens.

`python -m tests.prepare_home`, in one process, because each start of Django costs seconds.
"""

from __future__ import annotations

import hashlib
from typing import Final

# A test module that needs a worklist of its own takes one of these sites; see tests.stack.Stack.site.
TEST_SITES: Final = (
    "reading",
    "viewer",
    "race",
    "burst",
    "flush",
    "reference",
    "access",
    "backup",
    "dicom",
    "client",
)
APPROVER: Final = "approver"  # a second administrator of the default site
TEST_ROLES: Final = ("technician", "radiologist", "colleague")


def username(site: str, role: str) -> str:
    """Return the name of the member of staff who has a role at a test site."""
    return f"{site}-{role}"


def token_of(username: str) -> str:
    """Return the API token that a member of staff has on every prepared home."""
    return hashlib.sha1(username.encode(), usedforsecurity=False).hexdigest()


def main() -> None:
    """Prepare the home; a second run changes nothing."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("prepare")
    _create_staff()
    _create_sites()
    _create_tokens()


def _create_staff() -> None:
    """Create one account of each role at the main site, whose readings count for training."""
    import os

    from django.utils import timezone

    from diagnostics.accounts import services as accounts
    from diagnostics.accounts.models import User
    from webapp.demo.staff import STAFF

    site, password = accounts.get_or_create_default_site(), os.environ["READROOM_DEMO_PASSWORD"]
    for name, role in STAFF.items():
        if not User.objects.filter(username=name).exists():
            accounts.create_staff(
                username=name, password=password, role=role, sites=[site], now=timezone.now()
            )


def _create_sites() -> None:
    from diagnostics.accounts.models import Site, User
    from diagnostics.accounts.roles import Role

    password = User.objects.get(username="technician").password  # hashed once, for all
    for name in TEST_SITES:
        site, _ = Site.objects.get_or_create(name=f"Test site {name}")
        for role in TEST_ROLES:
            user, _ = User.objects.get_or_create(
                username=username(name, role),
                defaults={
                    "password": password,
                    "role": Role.TECHNICIAN if role == "technician" else Role.RADIOLOGIST,
                },
            )
            user.sites.set([site])
    approver, _ = User.objects.get_or_create(
        username=APPROVER, defaults={"password": password, "role": Role.ADMINISTRATOR}
    )
    approver.sites.set(Site.objects.filter(is_default=True))


def _create_tokens() -> None:
    from datetime import timedelta

    from django.utils import timezone

    from diagnostics.accounts.models import ApiToken, User
    from diagnostics.accounts.roles import scopes_of_role

    now = timezone.now()
    for user in User.objects.filter(api_tokens=None):
        ApiToken.objects.create(
            user=user,
            name="tests",
            digest=hashlib.sha256(token_of(user.username).encode()).hexdigest(),
            scopes=scopes_of_role(user.role),
            credential_state=user.credential_state(),
            created_at=now,
            expires_at=now + timedelta(days=1),
        )


if __name__ == "__main__":
    main()
