"""Dead workers: known from the process table of their own host, never guessed for another."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from diagnostics.jobs.models import JobStatus
from diagnostics.jobs.requeue import requeue_all
from diagnostics.jobs.workers import is_dead, worker_name
from diagnostics.training.models import TrainingRun
from diagnostics.training.services.requeue import RULES

NAME_OF_A_CHILD = "from diagnostics.jobs.workers import worker_name; print(worker_name())"
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no /proc")


def name_of_an_ended_process() -> str:
    command = [sys.executable, "-c", NAME_OF_A_CHILD]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@LINUX
@pytest.mark.slow
def test_an_ended_process_is_dead_and_a_running_one_is_not() -> None:
    assert is_dead(name_of_an_ended_process())
    assert not is_dead(worker_name())


@LINUX
def test_another_process_with_the_id_of_an_ended_one_is_not_taken_for_it() -> None:
    host, pid, start_time, space = worker_name().split(":")

    assert is_dead(f"{host}:{pid}:{int(start_time) - 1}:{space}")


@pytest.mark.parametrize("part", [0, 3])
def test_a_worker_of_another_host_or_container_is_not_known_to_be_dead(part: int) -> None:
    parts = worker_name().split(":")
    parts[1] = "999999999"  # no process has this id
    parts[part] = "other"

    assert not is_dead(":".join(parts))


@pytest.mark.parametrize("worker", ["", "host:1", "host", f"{worker_name().split(':')[0]}:1"])
def test_a_name_of_an_older_release_is_not_known_to_be_dead(worker: str) -> None:
    assert not is_dead(worker)


@LINUX
@pytest.mark.django_db
def test_the_job_of_a_dead_worker_is_requeued_before_its_lease_expires(now: datetime) -> None:
    host, _pid, start_time, space = worker_name().split(":")
    living = TrainingRun.objects.create(number=1, queued_at=now)
    for worker, requeued in ((worker_name(), 0), (f"{host}:{os.getpid()}:{int(start_time) - 1}:{space}", 1)):
        assert TrainingRun.claim(living.pk, worker=worker, lease=timedelta(seconds=20), now=now)
        assert requeue_all(RULES, now=now + timedelta(seconds=1)) == requeued
        TrainingRun.objects.update(status=JobStatus.QUEUED)
