"""Accounts of other systems: one for each kind of system and site, with which no person can log in."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action


@transaction.atomic
def service_account(*, system: str, site: Site, now: datetime) -> User:
    """Return the account that a system acts with at a site; create it, as a technician without a password."""
    username = f"{system}-{site.pk.hex[:12]}"
    account, created = User.objects.get_or_create(
        username=username, defaults={"role": Role.TECHNICIAN, "date_joined": now, "last_name": system}
    )
    if created:
        account.set_unusable_password()
        account.save(update_fields=["password"])
        account.sites.set([site])
        detail = {"username": username, "role": account.role, "system": system}
        audit.record(action=Action.ACCOUNT_CREATED, by=None, target=account, detail=detail, now=now)
    return account
