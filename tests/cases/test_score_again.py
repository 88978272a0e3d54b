"""A corrected view is judged by the quality gate again, and an override holds for what it was given."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.cases import pipeline, selectors
from diagnostics.cases.models import Case, Prediction, PredictionOutcome
from diagnostics.cases.services import retry
from diagnostics.cases.services.corrections import correct
from diagnostics.cases.services.quality_override import override_quality_gate
from diagnostics.jobs.lease import Clock
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import SendRadiograph, active_version, registered
from tests.cases.predictions import PROBABILITIES, finish_prediction

REASON = "The header is wrong, the view is PA."
NOT_SCORED = (JobStatus.DONE, PredictionOutcome.NOT_SCORED)


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def make_lateral(case: Case, by: User, now: datetime) -> None:
    correct(case=case, kind="view", value="LATERAL", reason="The view is lateral.", by=by, now=now)


def test_a_view_that_is_corrected_while_the_worker_computes_is_judged_again(
    send_radiograph: SendRadiograph,
    version: ModelVersion,
    clock: Clock,
    administrator: User,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = send_radiograph(1, view="PA")

    def predict(prediction: Prediction, *_: Any) -> None:
        make_lateral(case, administrator, now)

    def store(prediction: Prediction, lease: Any, *_: Any) -> None:
        columns = {"version": version, "probabilities": PROBABILITIES, "finding": "covid-19"}
        Prediction.finish(prediction.pk, token=lease.token, now=now, **columns)

    monkeypatch.setattr(pipeline, "_predict", predict)
    monkeypatch.setattr(pipeline, "_store", store)
    pipeline.classify(case.predictions.get().pk, clock=clock)
    assert case.predictions.get().status == JobStatus.QUEUED
    pipeline.classify(case.predictions.get().pk, clock=clock)

    prediction = case.predictions.get()
    assert (prediction.status, prediction.outcome) == NOT_SCORED
    assert selectors.latest_done_prediction(Case.objects.get(pk=case.pk)) is None


@pytest.fixture
def failed_in_spite_of_the_gate(
    send_radiograph: SendRadiograph, version: ModelVersion, clock: Clock, administrator: User, now: datetime
) -> Prediction:
    """A prediction whose stop was overridden, and which then failed: its version has no files."""
    case = send_radiograph(1, view="LATERAL")
    pipeline.classify(case.predictions.get().pk, clock=clock)
    override_quality_gate(case=case, reason=REASON, by=administrator, now=now)
    pipeline.classify(case.predictions.get().pk, clock=clock)
    prediction = case.predictions.get()
    assert prediction.status == JobStatus.FAILED
    return prediction


def test_an_override_does_not_hold_for_the_next_version(
    failed_in_spite_of_the_gate: Prediction, clock: Clock, administrator: User, now: datetime
) -> None:
    prediction = failed_in_spite_of_the_gate
    active_version(registered(2, now), now)

    retry.retry(case=prediction.case, by=administrator, now=now)
    pipeline.classify(prediction.pk, clock=clock)

    prediction.refresh_from_db()
    assert (prediction.status, prediction.outcome) == NOT_SCORED
    assert (prediction.override_reason, prediction.override_by) == ("", None)


def test_an_override_holds_when_the_same_version_is_tried_again(
    failed_in_spite_of_the_gate: Prediction, administrator: User, now: datetime
) -> None:
    prediction = failed_in_spite_of_the_gate

    retry.retry(case=prediction.case, by=administrator, now=now)

    prediction.refresh_from_db()
    assert (prediction.status, prediction.override_reason) == (JobStatus.QUEUED, REASON)


def test_an_override_of_another_stop_does_not_hold_for_a_lateral_view(
    send_radiograph: SendRadiograph, version: ModelVersion, clock: Clock, administrator: User, now: datetime
) -> None:
    case = send_radiograph(1, view="PA")
    finish_prediction(case, version)
    given = {"override_reason": REASON, "override_by": administrator, "override_at": now}
    case.predictions.update(quality_code="not-a-chest", **given)

    make_lateral(case, administrator, now)
    pipeline.classify(case.predictions.get().pk, clock=clock)

    prediction = case.predictions.get()
    assert (prediction.status, prediction.outcome) == NOT_SCORED
