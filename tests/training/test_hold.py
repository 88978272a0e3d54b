"""A worker's hold on its run: it lasts while the worker lives, and its loss is noticed."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from diagnostics.training.hold import Hold, LeaseLost
from diagnostics.training.models import TrainingRun

pytestmark = pytest.mark.django_db(transaction=True)


def held(lease: timedelta) -> Hold:
    run = TrainingRun.objects.create(number=1, queued_at=timezone.now())
    token = TrainingRun.claim(run.pk, worker="w", lease=lease, now=timezone.now())
    assert token is not None
    return Hold(run.pk, token, lease=lease)


def lease_until() -> datetime:
    until = TrainingRun.objects.get().lease_until
    assert until is not None
    return until


def test_the_heart_prolongs_the_lease_while_the_work_goes_on_and_no_longer() -> None:
    with held(timedelta(seconds=1)):
        first = lease_until()
        time.sleep(1.5)
        assert lease_until() > first
        assert lease_until() > timezone.now()

    last = lease_until()
    time.sleep(0.3)
    assert lease_until() == last


def test_a_lost_run_stops_the_work_and_keeps_nothing() -> None:
    with held(timedelta(minutes=5)) as hold:
        hold.check()
        TrainingRun.objects.update(token=uuid4())

        assert hold.should_stop()
        assert not hold.stop_asked
        with pytest.raises(LeaseLost):
            hold.check()


def test_a_wish_to_stop_is_heard_and_keeps_the_run() -> None:
    with held(timedelta(minutes=5)) as hold:
        TrainingRun.objects.update(stop_asked=True)

        assert hold.should_stop()
        assert hold.stop_asked
        hold.check()
