"""Stopped predictions, their texts on the page and in the API, and the override of the gate."""

from __future__ import annotations

import io
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import pipeline, selectors
from diagnostics.cases.errors import InvalidField, NotStopped
from diagnostics.cases.models import Case, Prediction, PredictionOutcome
from diagnostics.cases.services.quality_override import override_quality_gate
from diagnostics.errors import NotAllowed
from diagnostics.jobs.lease import Clock
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import SendRadiograph
from tests.cases.predictions import finish_prediction
from tests.radiographs import radiograph_png

HEADING = "No AI result: lateral view"
REASON = "The header is wrong, the view is PA."


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def stopped(send_radiograph: SendRadiograph, version: ModelVersion, clock: Clock) -> Case:
    """Return a case whose view is lateral, after the job of its prediction."""
    case = send_radiograph(1, patient_ref="MRN-0077431", view="LATERAL")
    pipeline.classify(case.predictions.get().pk, clock=clock)
    return case


def page(user: User, case: Case) -> str:
    client = Client()
    client.force_login(user)
    return client.get(reverse("cases:case", args=[case.pk])).content.decode()


def test_a_lateral_view_ends_without_probability_and_heatmap(stopped: Case):
    prediction = stopped.predictions.get()

    assert (prediction.status, prediction.outcome) == (JobStatus.DONE, PredictionOutcome.NOT_SCORED)
    assert (prediction.quality_code, prediction.failure_code) == ("lateral-view", "")
    assert (prediction.probabilities, prediction.heatmaps, prediction.heatmap_file) == ({}, {}, "")
    assert selectors.latest_done_prediction(stopped) is None
    event = AuditEvent.objects.get(action=Action.PREDICTION_STOPPED)
    assert event.detail == {"prediction": str(prediction.pk), "code": "lateral-view"}


def test_a_stopped_prediction_stores_the_measures_of_its_input(stopped: Case):
    measures = stopped.predictions.get().input_measures

    with Image.open(io.BytesIO(radiograph_png(1))) as image:
        pixels = np.asarray(image) / 255
    assert set(measures) == {"grey_mean", "contrast", "sharpness", "corner_excess"}
    assert measures["grey_mean"] == pytest.approx(pixels.mean(), abs=1e-3)
    assert measures["contrast"] == pytest.approx(pixels.std(), abs=1e-3)


def test_the_page_says_why_there_is_no_ai_result_before_the_reading_too(
    stopped: Case, technician: User, radiologist: User
):
    for user in (technician, radiologist):
        text = page(user, stopped)
        assert HEADING in text
        assert "Upload the PA or AP view" in text
        assert "Score all the same" not in text


def test_the_api_says_why_there_is_no_prediction(stopped: Case, technician: User):
    client = Client()
    client.force_login(technician)

    body = client.get(reverse("api-case", args=[stopped.pk])).json()

    assert body["prediction"] is None
    assert body["not_scored"]["code"] == "lateral-view"
    assert body["not_scored"]["heading"] == HEADING


def test_no_heatmap_is_served_for_a_stopped_prediction(stopped: Case, technician: User):
    client = Client()
    client.force_login(technician)
    stopped.site.technicians_see_predictions = True
    stopped.site.save()

    assert client.get(reverse("cases:overlay", args=[stopped.pk])).status_code == 404


def test_an_administrator_has_it_scored_with_an_audited_reason(
    stopped: Case, administrator: User, now: datetime
):
    assert "Score all the same" in page(administrator, stopped)

    prediction = override_quality_gate(case=stopped, reason=REASON, by=administrator, now=now)

    prediction.refresh_from_db()
    assert (prediction.status, prediction.override_reason) == (JobStatus.QUEUED, REASON)
    assert (prediction.override_by, prediction.override_at) == (administrator, now)
    event = AuditEvent.objects.get(action=Action.QUALITY_GATE_OVERRIDDEN)
    assert (event.by, event.detail["code"], event.detail["reason"]) == (administrator, "lateral-view", REASON)


def test_the_result_names_the_override(
    stopped: Case, administrator: User, version: ModelVersion, now: datetime
):
    override_quality_gate(case=stopped, reason=REASON, by=administrator, now=now)
    finish_prediction(stopped, version)
    Prediction.objects.update(outcome="")
    stopped.site.administrators_see_predictions = True
    stopped.site.save()

    assert f"Scored although: lateral view. Reason: {REASON}" in page(administrator, stopped)


@pytest.mark.parametrize("reason", ["", "   no ", "It is mrn-0077431, seen by me", "x" * 201])
def test_an_override_needs_a_reason_without_the_patient_reference(
    reason: str, stopped: Case, administrator: User, now: datetime
):
    with pytest.raises(InvalidField):
        override_quality_gate(case=stopped, reason=reason, by=administrator, now=now)


def test_others_than_administrators_may_not_override(
    stopped: Case, technician: User, radiologist: User, now: datetime
):
    for user in (technician, radiologist):
        with pytest.raises(NotAllowed):
            override_quality_gate(case=stopped, reason=REASON, by=user, now=now)


def test_a_prediction_that_was_not_stopped_cannot_be_overridden(
    send_radiograph: SendRadiograph, version: ModelVersion, administrator: User, now: datetime
):
    case = send_radiograph()
    finish_prediction(case, version)

    with pytest.raises(NotStopped):
        override_quality_gate(case=case, reason=REASON, by=administrator, now=now)
