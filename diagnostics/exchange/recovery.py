"""Bringing back imports that were lost: a worker died, or nobody heard the knock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.base import MAX_ATTEMPTS, Status
from diagnostics.exchange import failures
from diagnostics.exchange.knocking import knock, knock_on_commit
from diagnostics.exchange.models import Import

PATIENCE: Final = timedelta(seconds=30)  # a knock that nobody answered for so long may be lost
LONGEST_PAUSE: Final = timedelta(minutes=5)


def bring_back_lost(*, now: datetime) -> int:
    """Queue again the imports whose worker died and knock again for forgotten ones; says how many."""
    return sum(_bring_back(importing, now) for importing in Import.lost(now=now)) + _knock_again(now)


@transaction.atomic
def _bring_back(importing: Import, now: datetime) -> bool:
    if importing.attempts >= MAX_ATTEMPTS:
        return _give_up(importing, now)
    held = Import.lost(now=now).filter(pk=importing.pk, token=importing.token)
    queued = held.update(status=Status.QUEUED, token=None, worker="", lease_until=now + PATIENCE)
    if queued:
        knock_on_commit(importing.pk)
    return bool(queued)


def _give_up(importing: Import, now: datetime) -> bool:
    code = "worker_lost"
    assert importing.token is not None  # a running row has one
    text = failures.sentence(code)
    given_up = Import.fail(importing.pk, token=importing.token, code=code, text=text, now=now)
    if given_up:
        detail = {"number": importing.number, "code": code}
        audit.record(action=Action.IMPORT_FAILED, by=None, target=importing, detail=detail, now=now)
    return given_up


def _knock_again(now: datetime) -> int:
    # For a queued row `lease_until` is when the clock knocks next; empty before the first time.
    overdue = Q(lease_until=None, queued_at__lt=now - PATIENCE) | Q(lease_until__lt=now)
    knocked = 0
    for importing in Import.objects.filter(overdue, status=Status.QUEUED):
        if not knock(importing.pk):
            break  # the broker is away: the next tick tries again
        # Wait about as long again as the row has waited, so that a dead worker's door is not beaten down.
        pause = min(max(now - importing.queued_at, PATIENCE), LONGEST_PAUSE)
        Import.objects.filter(pk=importing.pk, status=Status.QUEUED).update(lease_until=now + pause)
        knocked += 1
    return knocked
