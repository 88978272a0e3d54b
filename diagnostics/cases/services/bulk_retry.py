"""New predictions by the active version for many cases at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.cases import selectors
from diagnostics.cases.errors import AlreadyPredicted, AlreadyRunning, CaseWithdrawn
from diagnostics.cases.models import Case
from diagnostics.cases.services import retry


class BulkRetryResult(NamedTuple):
    """How many predictions were queued, and how many cases needed none."""

    queued: int
    skipped: int


@transaction.atomic
def retry_many(*, cases: Iterable[Case], by: User, now: datetime) -> BulkRetryResult:
    """Queue a prediction by the active version for each case that has none of it; raises NoActiveVersion."""
    require(by, Permission.RETRY)
    # A fixed order keeps two concurrent requests from locking each other out.
    visible = selectors.visible_to(by).filter(pk__in=[case.pk for case in cases]).order_by("pk")
    queued = [_queue(case, by, now) for case in visible]
    return BulkRetryResult(queued=queued.count(True), skipped=queued.count(False))


def _queue(case: Case, by: User, now: datetime) -> bool:
    try:
        retry.retry(case=case, by=by, now=now)
    except (AlreadyPredicted, AlreadyRunning, CaseWithdrawn):
        return False
    return True
