"""A run whose radiographs leak stops before its training, unless an administrator gave a reason."""

from __future__ import annotations

import io
from datetime import datetime
from uuid import UUID

import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from rest_framework.test import APIClient

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.accounts.services import tokens
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.jobs.models import JobStatus
from diagnostics.registry import selectors as registry
from diagnostics.review.models import Reading
from diagnostics.training import pipeline
from diagnostics.training.errors import ReasonTooShort
from diagnostics.training.models import SnapshotLabel, TrainingRun
from ml.networks import bundle
from tests.conftest import create_user
from tests.training.conftest import Sign, drawn_radiograph, logged_in, queue_run
from tests.training.fake_trainer import FakeTrainer, fake_evaluate, fake_trust_report
from tests.training.test_pipeline import train

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("signed_radiographs")]

REASON = "The copy is known and stays in one part of the split."


def rotated(content: bytes) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(content)).transpose(Image.Transpose.ROTATE_90).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def planted(sign: Sign) -> set[str]:
    """Sign a rotated copy of a radiograph under another patient; return the ids of both cases."""
    original = Reading.objects.get(case__patient_ref="MRN-1")  # of seed 0
    copy = sign("covid-19", content=rotated(drawn_radiograph(0, opacity=True)))
    return {str(original.case_id), str(copy.case_id)}


def test_a_rotated_copy_under_another_patient_stops_the_run_and_names_both_cases(
    planted: set[str], administrator: User, now: datetime
) -> None:
    trainer = FakeTrainer(after_epoch={1: lambda: pytest.fail("the run was trained")})

    run = train(queue_run(administrator, now).pk, trainer)

    assert (run.status, run.failure_code, run.candidate) == (JobStatus.FAILED, "leaks_found", None)
    failed = [check for check in run.leak_checks if check["status"] == "FAIL"]
    assert [check["code"] for check in failed] == ["duplicates"]
    assert [set(group) for group in failed[0]["groups"]] == [planted]
    assert AuditEvent.objects.get(action=Action.RUN_FAILED).detail["code"] == "leaks_found"
    assert SnapshotLabel.objects.filter(run=run).count() == 17  # its snapshot can be looked at


def test_the_page_of_a_stopped_run_shows_the_cases_and_starts_again_with_a_reason(
    planted: set[str], administrator: User, now: datetime
) -> None:
    run = train(queue_run(administrator, now).pk)
    client = logged_in(administrator)

    page = client.get(reverse("training:run", args=[run.pk])).content.decode()
    fields = {**run.parameters, "leak_reason": REASON}
    started = client.post(reverse("training:start"), fields)

    assert "Stopped by the leak and shortcut checks" in page
    assert "1 pair of radiographs of two patients shows the same image." in page
    assert all(reverse("cases:case", args=[case]) in page for case in planted)
    again = TrainingRun.objects.get(number=2)
    assert started["Location"] == reverse("training:run", args=[again.pk])
    assert (again.leak_reason, again.parameters) == (REASON, run.parameters)


def test_a_case_of_another_site_is_counted_and_not_shown(
    planted: set[str], administrator: User, now: datetime
) -> None:
    run = train(queue_run(administrator, now).pk)
    other = create_user("visiting-administrator", Role.ADMINISTRATOR, Site.objects.create(name="Other"))

    page = logged_in(other).get(reverse("training:run", args=[run.pk])).content.decode()

    assert not any(case in page for case in planted)
    assert "2 further cases" in page


def test_a_reason_lets_the_run_go_on_and_is_shown_wherever_the_version_is_judged(
    planted: set[str], administrator: User, now: datetime
) -> None:
    run = train(queue_run(administrator, now, leak_reason=REASON).pk)

    assert (run.status, run.failure_code) == (JobStatus.DONE, "")
    version = run.candidate
    assert version is not None
    assert (version.leak_names, version.leak_reason) == ("Same image under two patients", REASON)
    assert AuditEvent.objects.get(action=Action.RUN_STARTED).detail["leak_reason"] == REASON
    card = (registry.bundle_path(version) / bundle.CARD).read_text()
    assert f"Reason (administrator): {REASON}" in card
    client = logged_in(administrator)
    for name in ("registry:promote", "registry:version"):
        assert REASON in client.get(reverse(name, args=[version.pk])).content.decode()
    body = api(administrator).get(f"/api/v1/versions/{version.pk}/").json()
    assert "Same image under two patients" in body["leaks"]


def test_a_reason_without_a_leak_marks_no_version(administrator: User, now: datetime) -> None:
    run = train(queue_run(administrator, now, leak_reason=REASON).pk)

    assert run.candidate is not None
    assert (run.candidate.leak_names, run.candidate.leak_reason) == ("", "")


def test_the_api_takes_a_reason_and_lists_the_named_cases(
    planted: set[str], administrator: User, now: datetime
) -> None:
    client = api(administrator)
    short = client.post("/api/v1/training/runs/", {"recipe": "tiny-cnn", "leak_reason": "known"})
    started = client.post("/api/v1/training/runs/", {"recipe": "tiny-cnn", "epochs": 1})
    train(UUID(started.json()["id"]))
    body = client.get(f"/api/v1/training/runs/{started.json()['id']}/").json()

    assert (short.status_code, short.json()["code"]) == (400, "reason_required")
    assert (body["status"], body["failure"]["code"]) == ("stopped", "leaks_found")
    named = [check for check in body["leak_checks"] if check["status"] == "FAIL"]
    assert [set(group) for group in named[0]["groups"]] == [planted]
    again = client.post("/api/v1/training/runs/", {"recipe": "tiny-cnn", "epochs": 1, "leak_reason": REASON})
    assert (again.status_code, again.json()["leak_reason"]) == (201, REASON)


def test_a_short_reason_is_refused(administrator: User, now: datetime) -> None:
    with pytest.raises(ReasonTooShort, match="at least 10 characters"):
        queue_run(administrator, now, leak_reason="  known  ")


@pytest.mark.slow
def test_a_class_that_the_files_give_away_stops_the_run_with_the_real_checks(
    administrator: User, now: datetime
) -> None:
    """The drawn opacities make a radiograph brighter: the mean grey value alone tells the class."""
    run = queue_run(administrator, now)

    pipeline.train(run.pk, trainer=FakeTrainer(), evaluator=fake_evaluate, trust=fake_trust_report)

    run.refresh_from_db()
    assert run.failure_code == "leaks_found"
    checks = {check["code"]: check for check in run.leak_checks}
    # The plain drawings share one anatomy, so that some count as parts of others.
    assert [checks[code]["status"] for code in ("sources", "header", "border")] == ["PASS", "FAIL", "PASS"]
    assert len(checks["header"]["groups"][0]) == 8


def api(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {tokens.create_token(by=user, now=timezone.now())}")
    return client
