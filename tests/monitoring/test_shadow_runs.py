"""Shadow runs: which cases they score, when, and what ends them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings as django_settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Prediction
from diagnostics.errors import NotAllowed
from diagnostics.jobs.models import JobStatus
from diagnostics.monitoring.errors.shadow import (
    NoShadowRunning,
    ShadowRunning,
    VersionDamaged,
    VersionIsActive,
)
from diagnostics.monitoring.models import ShadowEnd, ShadowPrediction, ShadowRun
from diagnostics.monitoring.pipeline import shadow as pipeline
from diagnostics.monitoring.services import shadow, shadow_queue
from diagnostics.registry import selectors as registry_selectors
from diagnostics.registry import services as registry
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import take_messages
from tests.monitoring.conftest import REASON, Classified, register
from tests.monitoring.shadow import add_case, classify

MINUTE = timedelta(minutes=1)


def queued_cases(run: ShadowRun) -> set[Case]:
    return {each.case for each in run.predictions.filter(status=JobStatus.QUEUED)}


def test_a_radiologist_may_not_start_or_end_a_shadow_run(
    run: ShadowRun, radiologist: User, now: datetime
) -> None:
    for change in (shadow.start, shadow.end):
        with pytest.raises(NotAllowed):
            change(version=run.version, by=radiologist, now=now)


def test_the_active_version_and_a_second_candidate_cannot_run_in_shadow(
    run: ShadowRun, active: ModelVersion, administrator: User, bundle_store: Path, now: datetime
) -> None:
    with pytest.raises(VersionIsActive):
        shadow.start(version=active, by=administrator, now=now)
    other = register(bundle_store / "other", now, by=None)
    with pytest.raises(ShadowRunning, match="Another shadow run is open"):
        shadow.start(version=other, by=administrator, now=now)


def test_a_version_with_damaged_files_cannot_run_in_shadow(
    candidate: ModelVersion, administrator: User, now: datetime
) -> None:
    (registry_selectors.bundle_path(candidate) / "model.weights.h5").write_bytes(b"changed")
    with pytest.raises(VersionDamaged):
        shadow.start(version=candidate, by=administrator, now=now)


def test_start_and_end_are_audited_without_a_case(run: ShadowRun, administrator: User, now: datetime) -> None:
    shadow.end(version=run.version, by=administrator, now=now + MINUTE)
    events = AuditEvent.objects.filter(target_id=str(run.pk)).order_by("pk")
    assert [(each.action, each.by) for each in events] == [
        (Action.SHADOW_STARTED, administrator),
        (Action.SHADOW_ENDED, administrator),
    ]
    with pytest.raises(NoShadowRunning):
        shadow.end(version=run.version, by=administrator, now=now + MINUTE)


def test_each_new_case_of_the_active_version_is_queued_once(
    run: ShadowRun, classified: Classified, now: datetime
) -> None:
    cases = {classified().case for _ in range(3)}
    for _ in range(2):
        shadow_queue.advance(now=now + 2 * MINUTE)
    assert queued_cases(run) == cases
    assert run.predictions.count() == 3


def test_cases_that_readers_do_not_read_or_that_have_no_score_are_not_queued(
    run: ShadowRun,
    classified: Classified,
    candidate: ModelVersion,
    site: Site,
    radiologist: User,
    now: datetime,
) -> None:
    classified(at=now - MINUTE)  # before the start
    classified(version=candidate)
    classified(outcome="not-scored", probabilities={})
    original = classified().case
    classified(case=add_case(site, radiologist, now, on_worklist=False))  # imported
    classified(case=add_case(site, radiologist, now, withdrawn_at=now))
    classified(case=add_case(site, radiologist, now, copy_of=original, shown_only_to=radiologist))
    shadow_queue.advance(now=now + 2 * MINUTE)
    assert queued_cases(run) == {original}


def test_a_case_that_was_queued_before_the_start_and_scored_after_it_is_compared(
    site: Site,
    technician: User,
    candidate: ModelVersion,
    active: ModelVersion,
    administrator: User,
    now: datetime,
) -> None:
    case = add_case(site, technician, now)
    waiting = Prediction.objects.create(case=case, queued_at=now - 5 * MINUTE)
    run = shadow.start(version=candidate, by=administrator, now=now)
    waiting.delete()
    classify(case, active, now + MINUTE, queued_at=now - 5 * MINUTE)
    shadow_queue.advance(now=now + 2 * MINUTE)
    assert queued_cases(run) == {case}


def test_a_promotion_ends_the_run_at_its_own_time_and_nothing_is_queued_afterwards(
    run: ShadowRun, classified: Classified, administrator: User, now: datetime
) -> None:
    classified()
    shadow_queue.advance(now=now + 2 * MINUTE)
    registry.promote(version=run.version, by=administrator, reason=REASON, now=now + 3 * MINUTE)
    classified(at=now + 2 * MINUTE)
    shadow_queue.advance(now=now + 4 * MINUTE)
    run.refresh_from_db()
    assert (run.ended_at, run.end, run.ended_by) == (now + 3 * MINUTE, ShadowEnd.PROMOTION, None)
    assert not run.predictions.exists()


def test_a_run_can_start_directly_after_a_promotion_has_ended_the_former(
    run: ShadowRun, active: ModelVersion, administrator: User, now: datetime
) -> None:
    registry.promote(version=run.version, by=administrator, reason=REASON, now=now + MINUTE)
    second = shadow.start(version=active, by=administrator, now=now + 2 * MINUTE)
    run.refresh_from_db()
    assert run.ended_at == now + MINUTE
    assert second.against.version == run.version


def test_messages_are_sent_only_while_no_case_waits(
    run: ShadowRun, classified: Classified, messages: Path, site: Site, technician: User, now: datetime
) -> None:
    jobs = [classified() for _ in range(2)]
    waiting = Prediction.objects.create(case=add_case(site, technician, now), queued_at=now)
    assert shadow_queue.advance(now=now + 2 * MINUTE) == 0
    assert take_messages(messages) == []
    Prediction.objects.filter(pk=waiting.pk).update(status=JobStatus.FAILED)
    assert shadow_queue.advance(now=now + 3 * MINUTE) == len(jobs)
    assert take_messages(messages) == sorted(str(pk) for pk in run.predictions.values_list("pk", flat=True))


def test_no_more_than_ten_messages_are_in_the_broker(
    run: ShadowRun, classified: Classified, messages: Path, now: datetime
) -> None:
    for _ in range(25):
        classified()
    assert [shadow_queue.advance(now=now + 2 * MINUTE) for _ in range(2)] == [10, 0]


def test_a_score_is_postponed_while_a_case_waits(
    run: ShadowRun, classified: Classified, site: Site, technician: User, now: datetime
) -> None:
    classified()
    shadow_queue.advance(now=now + 2 * MINUTE)
    Prediction.objects.create(case=add_case(site, technician, now), queued_at=now)
    job = run.predictions.get()
    pipeline.score(job.pk, clock=lambda: now + 3 * MINUTE)
    job.refresh_from_db()
    assert (job.status, job.attempts, job.lease_until) == (JobStatus.QUEUED, 0, now + 3 * MINUTE)


def test_a_lost_job_is_requeued_and_fails_after_three_attempts_without_an_event_of_the_case(
    run: ShadowRun, classified: Classified, now: datetime
) -> None:
    prediction = classified()
    shadow_queue.advance(now=now + 2 * MINUTE)
    for attempt in range(1, 4):
        at = now + (2 + attempt) * MINUTE
        token = ShadowPrediction.claim(
            run.predictions.get().pk, worker="gone", lease=django_settings.INFERENCE_LEASE, now=at
        )
        assert token is not None
        shadow_queue.advance(now=at + django_settings.INFERENCE_LEASE * 1.5)
    job = run.predictions.get()
    assert (job.status, job.failure_code) == (JobStatus.FAILED, "worker_lost")
    failed = AuditEvent.objects.get(action=Action.SHADOW_SCORE_FAILED)
    assert (failed.target_kind, failed.target_id) == ("shadowrun", str(run.pk))
    assert not AuditEvent.objects.filter(target_id=str(prediction.case_id)).exists()


def test_a_radiograph_without_a_file_fails_with_its_code(
    run: ShadowRun, classified: Classified, now: datetime
) -> None:
    classified()
    shadow_queue.advance(now=now + 2 * MINUTE)
    pipeline.score(run.predictions.get().pk, clock=lambda: now + 3 * MINUTE)
    job = run.predictions.get()
    assert (job.status, job.failure_code) == (JobStatus.FAILED, "radiograph_missing")


def test_a_message_without_a_row_is_ignored(db: None, now: datetime) -> None:
    pipeline.score(uuid4(), clock=lambda: now)
