"""The scheduler of periodic tasks: due at its start, and at even intervals when the host's clock is set."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from celery import beat
from celery.beat import PersistentScheduler, ScheduleEntry

from webapp.celery import app
from webapp.scheduler import HeartbeatScheduler

HOUR = timedelta(hours=1)


@pytest.fixture
def entries() -> list[ScheduleEntry]:
    scheduler = beat.Scheduler(app=app)
    return [entry for entry in scheduler.schedule.values() if not entry.task.startswith("celery.")]


def test_every_periodic_task_is_due_when_the_scheduler_starts(entries: list[ScheduleEntry]) -> None:
    assert entries
    assert all(entry.is_due().is_due for entry in entries)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_jump_of_the_clock_changes_no_interval(
    jump: timedelta, entries: list[ScheduleEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = [next(entry) for entry in entries]
    jumped: datetime = app.now() + jump
    monkeypatch.setattr(app, "now", lambda: jumped)

    for entry in started:
        state = entry.is_due()
        assert not state.is_due
        assert 0 < state.next <= entry.schedule.seconds


def test_the_scheduler_keeps_no_file() -> None:
    assert app.conf.beat_scheduler == "webapp.scheduler:HeartbeatScheduler"
    assert not issubclass(HeartbeatScheduler, PersistentScheduler)
