"""The lease of a job: renewal, heartbeat, loss and stop requests."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from diagnostics.jobs.errors import LeaseLost
from diagnostics.jobs.lease import Lease
from diagnostics.training.models import TrainingRun

pytestmark = pytest.mark.django_db(transaction=True)


def claimed(duration: timedelta) -> Lease:
    run = TrainingRun.objects.create(number=1, queued_at=timezone.now())
    lease = Lease.claim(TrainingRun, run.pk, duration=duration)
    assert lease is not None
    return lease


def lease_until() -> datetime:
    until = TrainingRun.objects.get().lease_until
    assert until is not None
    return until


def test_a_job_is_claimed_once() -> None:
    lease = claimed(timedelta(minutes=5))

    assert Lease.claim(TrainingRun, lease.job_id, duration=timedelta(minutes=5)) is None


def test_the_heartbeat_renews_the_lease_until_its_block_ends() -> None:
    lease = claimed(timedelta(seconds=1))
    with lease.heartbeat():
        first = lease_until()
        time.sleep(1.5)
        assert lease_until() > first
        assert lease_until() > timezone.now()

    last = lease_until()
    time.sleep(0.3)
    assert lease_until() == last
    assert "job-lease" not in {thread.name for thread in threading.enumerate()}


def test_a_job_of_another_worker_stops_and_stores_nothing() -> None:
    lease = claimed(timedelta(minutes=5))
    with lease.heartbeat():
        lease.check()
        TrainingRun.objects.update(token=uuid4())

        assert lease.should_stop()
        assert not lease.stop_requested
        with pytest.raises(LeaseLost):
            lease.check()


def test_a_stop_request_is_noticed_and_keeps_the_lease() -> None:
    lease = claimed(timedelta(minutes=5))
    with lease.heartbeat():
        TrainingRun.objects.update(stop_requested=True)

        assert lease.should_stop()
        assert lease.stop_requested
        lease.check()


def test_the_heartbeat_ends_when_the_claim_is_lost() -> None:
    lease = claimed(timedelta(seconds=0.2))
    with lease.heartbeat():
        TrainingRun.objects.update(token=uuid4(), lease_until=timezone.now())
        lost_at = lease_until()
        time.sleep(0.3)

        assert lease_until() == lost_at
        with pytest.raises(LeaseLost):
            lease.check()


def test_the_heartbeat_of_a_process_that_hangs_ends_at_its_limit() -> None:
    lease = claimed(timedelta(seconds=0.25))
    with lease.heartbeat(at_most=0.2):
        time.sleep(0.4)
        last = lease_until()
        time.sleep(0.3)

        assert lease_until() == last


def test_a_lease_may_have_a_second_heartbeat_after_the_first() -> None:
    lease = claimed(timedelta(seconds=0.5))
    with lease.heartbeat():
        pass

    with lease.heartbeat():
        first = lease_until()
        time.sleep(0.4)
        assert lease_until() > first
