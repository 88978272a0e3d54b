"""Results are queued by the policy of a node, sent once, and tried again later and later."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.errors import NotAllowed
from diagnostics.integrations.errors.dicom import NotRetryable
from diagnostics.integrations.models import DicomNode, ResultDelivery
from diagnostics.integrations.pipeline.dicom_results import send_result
from diagnostics.integrations.services import result_queue
from diagnostics.jobs.lease import Clock
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.review.services import readings
from tests.cases.conftest import send_radiograph as send_radiograph
from tests.cases.conftest import version as version
from tests.cases.predictions import PROBABILITIES, finish_prediction
from tests.integrations.dicom_archive import Archive, node_of
from tests.integrations.dicom_archive import archive as archive
from tests.servers import free_port

LATER = timedelta(seconds=30)  # longer than a signature can be undone
Send = Callable[..., Case]


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def read_case(send_radiograph: Send, version: ModelVersion, radiologist: User, now: datetime) -> Case:
    """Return a case with an AI result and its first reading."""
    case = send_radiograph(1, patient_ref="R-1", accession_number="A-1")
    finish_prediction(case, version)
    readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    return case


def test_a_result_is_queued_once_after_the_first_reading_can_no_longer_be_undone(
    read_case: Case, site: Site, now: datetime
) -> None:
    node_of(site, 104, now)
    assert result_queue.queue_due_results(now=now + timedelta(seconds=10)) == 0
    assert result_queue.queue_due_results(now=now + LATER) == 2
    assert result_queue.queue_due_results(now=now + LATER) == 0
    kinds = ResultDelivery.objects.filter(case=read_case).values_list("kind", flat=True)
    assert sorted(kinds) == ["sc", "sr"]


@pytest.mark.parametrize("result_policy", ["first-reading", "final"])
def test_a_result_of_days_ago_is_queued_by_the_hourly_task_alone(
    result_policy: str, read_case: Case, site: Site, now: datetime
) -> None:
    node_of(site, 104, now, result_policy=result_policy)
    later, day = now + timedelta(days=3), timedelta(days=1)
    assert result_queue.queue_due_results(now=later, within=day) == 0
    assert result_queue.queue_due_results(now=later) == 2


@pytest.mark.parametrize(
    "columns",
    [
        {"result_policy": "never"},
        {"is_active": False},
        {"results_since": None},
    ],
)
def test_a_node_without_a_policy_gets_nothing(
    columns: dict[str, Any], read_case: Case, site: Site, now: datetime
) -> None:
    node = node_of(site, 104, now)
    DicomNode.objects.filter(pk=node.pk).update(**columns)
    assert result_queue.queue_due_results(now=now + LATER) == 0


def test_a_case_that_was_read_before_the_policy_is_not_sent(
    read_case: Case, site: Site, now: datetime
) -> None:
    node_of(site, 104, now + timedelta(seconds=1))
    assert result_queue.queue_due_results(now=now + LATER) == 0


def test_the_policy_of_final_findings_waits_for_the_second_reading(
    send_radiograph: Send,
    version: ModelVersion,
    radiologist: User,
    administrator: User,
    site: Site,
    now: datetime,
) -> None:
    case = send_radiograph(2, patient_ref="R-2")
    finish_prediction(case, version)
    Case.objects.filter(pk=case.pk).update(finalized_at=None)
    node_of(site, 104, now, result_policy="final")
    assert result_queue.queue_due_results(now=now + LATER) == 0
    Case.objects.filter(pk=case.pk).update(finalized_at=now)
    assert result_queue.queue_due_results(now=now + LATER) == 2


def test_nothing_is_sent_of_another_site_a_withdrawn_case_or_a_control_copy(
    read_case: Case, other_site: Site, site: Site, radiologist: User, now: datetime
) -> None:
    node_of(other_site, 104, now)
    assert result_queue.queue_due_results(now=now + LATER) == 0
    DicomNode.objects.update(site=site)
    Case.objects.filter(pk=read_case.pk).update(withdrawn_at=now)
    assert result_queue.queue_due_results(now=now + LATER) == 0
    copied = {"copy_of": read_case.pk, "shown_only_to": radiologist.pk}
    Case.objects.filter(pk=read_case.pk).update(withdrawn_at=None, **copied)
    assert result_queue.queue_due_results(now=now + LATER) == 0


def test_both_objects_name_patient_study_and_result_and_a_repetition_is_the_same_object(
    read_case: Case, site: Site, archive: Archive, now: datetime
) -> None:
    node_of(site, archive.port, now)
    result_queue.queue_due_results(now=now + LATER)
    for _attempt in range(2):
        for delivery in ResultDelivery.objects.order_by("kind"):
            send_result(delivery.pk)
        ResultDelivery.objects.update(status=JobStatus.QUEUED)  # as if the worker had died before its commit

    capture, report, *again = archive.stored
    assert (capture.Modality, report.Modality) == ("OT", "SR")
    for sent in (capture, report):
        assert (sent.PatientID, sent.AccessionNumber) == ("R-1", "A-1")
        assert "Research use only" in sent.SeriesDescription
    assert set(PROBABILITIES.values()) <= set(numbers(report))
    assert again == [capture, report]


def always(moment: datetime) -> Clock:
    """Return a clock that stands still."""
    return lambda: moment


def numbers(dataset: Dataset) -> list[float]:
    """Return all numeric values of a report."""
    found = (
        [float(dataset.MeasuredValueSequence[0].NumericValue)] if "MeasuredValueSequence" in dataset else []
    )
    return found + [number for item in dataset.get("ContentSequence", []) for number in numbers(item)]


def test_an_unreachable_node_is_tried_later_and_later_and_its_other_deliveries_wait(
    read_case: Case, site: Site, now: datetime
) -> None:
    node = node_of(site, free_port(), now)
    result_queue.queue_due_results(now=now + LATER)
    first, second = ResultDelivery.objects.order_by("kind")

    at, pauses = now, []
    for _attempt in range(3):
        send_result(first.pk, clock=always(at))
        node.refresh_from_db()
        assert node.retry_at is not None
        pauses.append(node.retry_at - at)
        at = node.retry_at + timedelta(seconds=1)
    send_result(second.pk, clock=always(at - timedelta(seconds=2)))

    assert pauses == [timedelta(seconds=seconds) for seconds in (5, 10, 20)]
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.failures, first.failure_code) == ("queued", 3, "node_unreachable")
    assert (second.status, second.attempts, second.lease_until) == ("queued", 0, node.retry_at)


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (0xA700, "queued", "node_busy"),
        (0xC000, "failed", "node_refused"),
        (0xB000, "done", ""),
        (0x0111, "done", ""),
    ],
)
def test_the_answer_of_the_node_decides(
    answer: int, status: str, code: str, read_case: Case, site: Site, archive: Archive, now: datetime
) -> None:
    node_of(site, archive.port, now)
    result_queue.queue_due_results(now=now + LATER)
    archive.answer = answer
    delivery = ResultDelivery.objects.get(kind="sc")

    send_result(delivery.pk)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.failure_code) == (status, code)
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert (Action.RESULT_SENT in actions) == (status == "done")


def test_a_damaged_heatmap_is_not_sent(read_case: Case, site: Site, archive: Archive, now: datetime) -> None:
    node_of(site, archive.port, now)
    result_queue.queue_due_results(now=now + LATER)
    delivery = ResultDelivery.objects.get(kind="sc")
    read_case.predictions.update(overlay_sha256="0" * 64)

    send_result(delivery.pk)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.failure_code, archive.stored) == ("failed", "result_missing", [])


def test_a_failed_delivery_is_retried_by_an_administrator_only(
    read_case: Case, site: Site, technician: User, administrator: User, now: datetime
) -> None:
    node_of(site, 104, now)
    result_queue.queue_due_results(now=now + LATER)
    delivery = ResultDelivery.objects.get(kind="sc")
    with pytest.raises(NotRetryable):
        result_queue.retry_delivery(delivery=delivery, by=administrator, now=now)
    ResultDelivery.objects.update(status=JobStatus.FAILED, failure_code="node_refused")
    with pytest.raises(NotAllowed):
        result_queue.retry_delivery(delivery=delivery, by=technician, now=now)

    result_queue.retry_delivery(delivery=delivery, by=administrator, now=now)

    delivery.refresh_from_db()
    assert (delivery.status, delivery.failure_code) == ("queued", "")


def test_a_result_is_sent_by_stow(read_case: Case, site: Site, now: datetime) -> None:
    received: list[tuple[str, bytes]] = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.headers["Content-Type"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.handle_request, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/studies"
    node_of(site, 1, now, result_transport="stow", stow_url=url)
    result_queue.queue_due_results(now=now + LATER)
    delivery = ResultDelivery.objects.get(kind="sc")

    send_result(delivery.pk)
    server.server_close()

    delivery.refresh_from_db()
    assert delivery.status == "done"
    kind, body = received[0]
    boundary = kind.rpartition("boundary=")[2].encode()
    part = body.split(b"--" + boundary)[1].partition(b"\r\n\r\n")[2][:-2]
    assert pydicom.dcmread(io.BytesIO(part)).SOPInstanceUID == delivery.sop_instance_uid
