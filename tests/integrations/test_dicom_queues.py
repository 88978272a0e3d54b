"""Queues of a DICOM node: cases without an AI result hold up no others; deactivation ends the contact."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import PredictionOutcome
from diagnostics.integrations.models import DicomNode, StudyRetrieval
from diagnostics.integrations.pipeline import dicom_retrievals
from diagnostics.integrations.services import result_queue
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.review.services import readings
from tests.cases.conftest import SendRadiograph
from tests.cases.conftest import send_radiograph as send_radiograph
from tests.cases.conftest import version as version
from tests.cases.predictions import finish_prediction
from tests.integrations.dicom_archive import node_of


def test_cases_without_a_result_do_not_block_later_ones(
    send_radiograph: SendRadiograph,
    version: ModelVersion,
    radiologist: User,
    site: Site,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(result_queue, "MAX_CASES", 1)
    stopped = send_radiograph(1, patient_ref="R-1", view="LATERAL", at=now - timedelta(minutes=1))
    stopped.predictions.update(
        status=JobStatus.DONE,
        outcome=PredictionOutcome.NOT_SCORED,
        quality_code="lateral-view",
        finished_at=now,
    )
    scored = send_radiograph(2, patient_ref="R-2")
    finish_prediction(scored, version)
    for case in (stopped, scored):
        readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    node_of(site, 104, now)

    later = now + timedelta(seconds=30)
    queued = [result_queue.queue_due_results(now=later + timedelta(hours=hour)) for hour in range(3)]

    assert sum(queued) == 2  # the overlay and the report of the scored case


def test_a_deactivated_node_is_not_contacted(
    site: Site, administrator: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    retrieval = StudyRetrieval.objects.create(
        node=node_of(site, 104, now), study_uid="1.2.3", requested_by=administrator, queued_at=now
    )
    DicomNode.objects.update(is_active=False)
    contacted: list[Any] = []
    monkeypatch.setattr(
        dicom_retrievals.client, "move_study", lambda *request, **_: contacted.append(request)
    )

    dicom_retrievals.retrieve_study(retrieval.pk)

    retrieval.refresh_from_db()
    assert contacted == []
    assert (retrieval.status, retrieval.failure_code) == (JobStatus.FAILED, "node_inactive")
