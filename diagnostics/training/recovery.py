"""Bringing back runs that were lost: a worker died, or nobody heard the knock."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.db import transaction
from django.db.models import Q

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.base import MAX_ATTEMPTS, Status
from diagnostics.training import failures, selectors
from diagnostics.training.knocking import knock, knock_on_commit
from diagnostics.training.models import TrainingRun

PATIENCE: Final = timedelta(minutes=1)  # a knock that nobody answered for so long may be lost
LONGEST_PAUSE: Final = timedelta(minutes=30)


def bring_back_lost(*, now: datetime) -> int:
    """Queue again the run whose worker died and knock again for a forgotten one; says how many."""
    return sum(_bring_back(run, now) for run in TrainingRun.lost(now=now)) + _knock_again(now)


@transaction.atomic
def _bring_back(run: TrainingRun, now: datetime) -> bool:
    if run.attempts >= MAX_ATTEMPTS:
        return _give_up(run, now)
    held = TrainingRun.lost(now=now).filter(pk=run.pk, token=run.token)
    queued = held.update(status=Status.QUEUED, token=None, worker="", phase="", lease_until=now + PATIENCE)
    if queued:
        knock_on_commit(run.pk)
    return bool(queued)


def _give_up(run: TrainingRun, now: datetime) -> bool:
    code = "worker_lost"
    assert run.token is not None  # a running row has one
    text = failures.sentence(code)
    given_up = TrainingRun.fail(run.pk, token=run.token, code=code, text=text, now=now)
    if given_up:
        detail = {"number": run.number, "code": code}
        audit.record(action=Action.RUN_FAILED, by=None, target=run, detail=detail, now=now)
        transaction.on_commit(partial(shutil.rmtree, selectors.checkpoints(run), ignore_errors=True))
    return given_up


def _knock_again(now: datetime) -> int:
    # For a queued row `lease_until` is when the clock knocks next; empty before the first time.
    overdue = Q(lease_until=None, queued_at__lt=now - PATIENCE) | Q(lease_until__lt=now)
    knocked = 0
    for run in TrainingRun.objects.filter(overdue, status=Status.QUEUED):
        if not knock(run.pk):
            break  # the broker is away: the next tick tries again
        # Wait about as long again as the row has waited, so that a dead worker's door is not beaten down.
        pause = min(max(now - run.queued_at, PATIENCE), LONGEST_PAUSE)
        TrainingRun.objects.filter(pk=run.pk, status=Status.QUEUED).update(lease_until=now + pause)
        knocked += 1
    return knocked
