"""Bringing back work that was lost: a worker died, or nobody heard the knock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.base import MAX_ATTEMPTS, Status
from diagnostics.cases import failures, selectors
from diagnostics.cases.knocking import knock, knock_on_commit
from diagnostics.cases.models import Prediction

KNOCK_AFTER: Final = timedelta(seconds=10)  # a knock that nobody answered for so long may be lost
LONGEST_PAUSE: Final = timedelta(minutes=5)
KNOCKS_A_TICK: Final = 50


def bring_back_lost(*, now: datetime) -> int:
    """Queue rows again whose worker died and knock again for forgotten ones; says how many."""
    lost = Prediction.lost(now=now).select_related("case")
    return sum(_bring_back(prediction, now) for prediction in lost) + _knock_again(now)


@transaction.atomic
def _bring_back(prediction: Prediction, now: datetime) -> bool:
    held = Prediction.lost(now=now).filter(pk=prediction.pk, token=prediction.token)
    if prediction.attempts >= MAX_ATTEMPTS:
        return _give_up(prediction, now)
    queued = held.update(status=Status.QUEUED, token=None, worker="", lease_until=now + KNOCK_AFTER)
    if queued:
        knock_on_commit(prediction.pk, prediction.case.priority)
    return bool(queued)


def _give_up(prediction: Prediction, now: datetime) -> bool:
    code = "worker_died"
    assert prediction.token is not None  # a running row has one
    text = failures.sentence(code)
    given_up = Prediction.fail(prediction.pk, token=prediction.token, code=code, text=text, now=now)
    if given_up:
        audit.record(
            action=Action.CLASSIFICATION_FAILED,
            by=None,
            target=prediction.case,
            detail={"prediction": str(prediction.pk), "code": code},
            now=now,
        )
    return given_up


def _knock_again(now: datetime) -> int:
    knocked = 0
    for prediction in selectors.forgotten(now=now, after=KNOCK_AFTER, most=KNOCKS_A_TICK):
        if not knock(prediction.pk, prediction.case.priority):
            break  # the broker is away: the next tick tries again
        # Wait about as long again as the row has waited, so that a dead worker's door is not beaten down.
        pause = min(max(now - prediction.queued_at, KNOCK_AFTER), LONGEST_PAUSE)
        Prediction.objects.filter(pk=prediction.pk, status=Status.QUEUED).update(lease_until=now + pause)
        knocked += 1
    return knocked
