"""The schedule of training: changes, evaluation and new findings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.errors import NotAllowed
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.review.services import kept_figures
from diagnostics.training import errors
from diagnostics.training.models import Schedule, TrainingRun
from diagnostics.training.selectors import label_counts, runs
from diagnostics.training.services import schedule
from diagnostics.training.services.schedule import ScheduleValues
from tests.training.conftest import Sign

SignRequired = Callable[[], None]


def save_schedule(by: User, now: datetime, **changes: Any) -> Schedule:
    values = {"enabled": True, "every_days": 7, "at_hour": 2, "minimum_new_readings": 10} | changes
    return schedule.set_schedule(by=by, values=ScheduleValues(**values), now=now)


def test_the_schedule_starts_a_run_when_it_is_due_and_not_earlier(
    active_version: ModelVersion, sign_required: SignRequired, administrator: User, now: datetime
) -> None:
    sign_required()
    save_schedule(administrator, now)
    due = (now + timedelta(days=1)).replace(hour=2, minute=0)

    assert schedule.evaluate_schedule(now=due - timedelta(minutes=1)) is None
    run = schedule.evaluate_schedule(now=due)

    assert run is not None
    assert (run.trigger, run.started_by) == ("schedule", None)
    assert schedule.evaluate_schedule(now=due + timedelta(seconds=30)) is None
    assert TrainingRun.objects.count() == 1


def test_the_schedule_records_why_it_started_no_run(
    active_version: ModelVersion, sign_required: SignRequired, administrator: User, now: datetime
) -> None:
    sign_required()
    save_schedule(administrator, now, minimum_new_readings=11)
    due = now + timedelta(days=1)

    assert schedule.evaluate_schedule(now=due) is None

    skipped = runs.last_skipped_evaluation()
    assert skipped is not None
    assert skipped.detail["not_started"] == "too_few_new"
    assert "10 new final findings" in skipped.detail["reason"]
    assert runs.next_evaluation(runs.schedule()) == (now + timedelta(days=8)).replace(hour=2, minute=0)


def test_a_disabled_schedule_starts_no_run(
    active_version: ModelVersion, sign_required: SignRequired, administrator: User, now: datetime
) -> None:
    sign_required()
    save_schedule(administrator, now, enabled=False)

    assert schedule.evaluate_schedule(now=now + timedelta(days=30)) is None
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize(
    "invalid",
    [{"every_days": 0}, {"at_hour": 24}, {"minimum_new_readings": 0}, {"after_findings": -1}],
)
def test_a_schedule_out_of_range_is_refused(
    administrator: User, now: datetime, invalid: dict[str, int]
) -> None:
    with pytest.raises(errors.InvalidSchedule):
        save_schedule(administrator, now, **invalid)


def test_only_readings_since_the_last_successful_run_count_as_new(
    active_version: ModelVersion, sign: Sign, now: datetime
) -> None:
    sign("normal", at=now - timedelta(days=2))
    sign("normal", at=now)
    sign("cannot-judge", at=now)
    TrainingRun.objects.create(
        number=1, status=JobStatus.DONE, queued_at=now, started_at=now - timedelta(days=1)
    )

    kept_figures.recount_changed()
    assert label_counts.new_final_findings() == 1


def test_a_radiologist_cannot_change_the_schedule(radiologist: User, now: datetime) -> None:
    with pytest.raises(NotAllowed):
        save_schedule(radiologist, now)


def test_enough_new_final_findings_start_a_run_at_any_hour(
    active_version: ModelVersion, sign_required: SignRequired, sign: Sign, administrator: User, now: datetime
) -> None:
    sign_required()  # 10 findings
    save_schedule(administrator, now, enabled=False, after_findings=11, recipe="tiny-cnn")
    assert schedule.start_after_findings(now=now) is None

    sign("normal")
    run = schedule.start_after_findings(now=now)

    assert run is not None
    assert (run.trigger, run.started_by, run.parameters["recipe"]) == ("findings", None, "tiny-cnn")


def test_a_failed_run_does_not_start_again_with_the_same_findings(
    active_version: ModelVersion, sign_required: SignRequired, sign: Sign, administrator: User, now: datetime
) -> None:
    sign_required()
    save_schedule(administrator, now, after_findings=2)
    assert schedule.start_after_findings(now=now + timedelta(hours=1)) is not None
    TrainingRun.objects.update(status=JobStatus.FAILED)

    sign("normal", at=now + timedelta(hours=2))
    assert schedule.start_after_findings(now=now + timedelta(hours=3)) is None
    sign("normal", at=now + timedelta(hours=2))
    assert schedule.start_after_findings(now=now + timedelta(hours=3)) is not None


def test_a_case_that_becomes_final_after_the_run_counts_from_then_on(
    active_version: ModelVersion, sign: Sign, now: datetime
) -> None:
    reading = sign("normal", at=now - timedelta(days=2))
    TrainingRun.objects.create(
        number=1, status=JobStatus.DONE, queued_at=now, started_at=now - timedelta(days=1)
    )
    kept_figures.recount_changed()
    assert label_counts.new_final_findings() == 0

    Case.objects.filter(pk=reading.case_id).update(finalized_at=now)  # by the second reader

    kept_figures.recount_changed()
    assert label_counts.new_final_findings() == 1


def test_the_schedule_trains_with_its_own_recipe_at_the_hour_of_the_site(
    active_version: ModelVersion,
    sign_required: SignRequired,
    administrator: User,
    now: datetime,
    settings: Settings,
) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"  # 5:30 ahead of UTC
    sign_required()
    save_schedule(administrator, now, recipe="scratch-cnn")
    due = runs.next_evaluation(runs.schedule())
    assert due is not None
    assert due.astimezone(UTC).strftime("%H:%M") == "20:30"

    assert schedule.evaluate_schedule(now=due - timedelta(minutes=1)) is None
    run = schedule.evaluate_schedule(now=due)

    assert run is not None
    assert run.parameters["recipe"] == "scratch-cnn"


def test_an_interrupted_evaluation_stays_due(
    active_version: ModelVersion,
    sign_required: SignRequired,
    administrator: User,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(**_values: Any) -> None:
        raise OperationalError("the database is gone")

    sign_required()
    save_schedule(administrator, now)
    due = (now + timedelta(days=1)).replace(hour=2, minute=0)
    with monkeypatch.context() as patch:
        patch.setattr(schedule, "start_run", interrupted)
        with pytest.raises(OperationalError):
            schedule.evaluate_schedule(now=due)

    assert schedule.evaluate_schedule(now=due + timedelta(seconds=30)) is not None
