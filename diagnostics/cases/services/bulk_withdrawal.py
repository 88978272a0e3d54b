"""Withdrawal of many cases at once, for one reason."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.cases import selectors
from diagnostics.cases.models import Case, CorrectionKind
from diagnostics.cases.services import corrections


@transaction.atomic
def withdraw_many(*, cases: Iterable[Case], reason: str, by: User, now: datetime) -> int:
    """Withdraw each case that is not withdrawn yet; return how many.

    Raises NotAllowed, and InvalidField without a reason; then no case is withdrawn.
    """
    require(by, Permission.CORRECT)
    # A fixed order keeps two concurrent requests from locking each other out.
    visible = selectors.visible_to(by).filter(pk__in=[case.pk for case in cases], withdrawn_at=None)
    withdrawn = list(visible.order_by("pk"))
    for case in withdrawn:
        corrections.correct(case=case, kind=CorrectionKind.WITHDRAW, reason=reason, by=by, now=now)
    return len(withdrawn)
