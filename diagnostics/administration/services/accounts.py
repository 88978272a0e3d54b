"""Changes of staff accounts, together with the release of the cases that a reader then may not read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.services import staff
from diagnostics.review.services import departures


@transaction.atomic
def change_account(
    *, user: User, values: Mapping[str, Any], sites: Iterable[Site], by: User, now: datetime
) -> int:
    """Change an account and return how many cases its reader has lost; raises NotAllowed."""
    staff.change_account(user=user, values=values, sites=sites, by=by, now=now)
    return departures.release_cases(reader=user, by=by, now=now)


@transaction.atomic
def set_active(*, user: User, active: bool, by: User, now: datetime) -> int:
    """Deactivate or reactivate an account and return how many cases were released; raises NotAllowed."""
    staff.set_active(user=user, active=active, by=by, now=now)
    return departures.release_cases(reader=user, by=by, now=now)
