"""Asking the machine again about many radiographs at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.cases import selectors
from diagnostics.cases.errors import AlreadyPredicted, AlreadyRunning
from diagnostics.cases.models import Case
from diagnostics.cases.services import retry
from diagnostics.errors import NotAllowed


class BulkRetryResult(NamedTuple):
    """How many radiographs wait for the machine anew, and for how many that would bring nothing."""

    queued: int
    left_out: int


@transaction.atomic
def retry_many(*, cases: Iterable[Case], by: User, now: datetime) -> BulkRetryResult:
    """Ask again about each radiograph of which the version in force has not said its word; the others stay."""
    if not by.has_permission(Permission.RETRY):
        raise NotAllowed(_("Your role may not ask for a classification again."))
    wanted = [case.pk for case in cases]
    # In one order, so that two who ask at once do not lock each other out.
    found = selectors.visible_to(by).filter(pk__in=wanted).order_by("pk")
    queued = [_is_queued(case, by, now) for case in found]
    return BulkRetryResult(queued=queued.count(True), left_out=queued.count(False))


def _is_queued(case: Case, by: User, now: datetime) -> bool:
    try:
        retry.retry(case=case, by=by, now=now)
    except (AlreadyPredicted, AlreadyRunning):
        return False
    return True
