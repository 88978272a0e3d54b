"""The evidence of a case as JSON and PDF."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, PredictionShown
from diagnostics.monitoring.errors.evidence import ResultWithheld
from diagnostics.monitoring.presenters.case_evidence_pdf import case_evidence_pdf
from diagnostics.monitoring.services import case_evidence
from diagnostics.monitoring.services.evidence_archive import json_bytes
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import Reading
from diagnostics.review.services.consensus import update_consensus
from tests.cases.conftest import Login, SendRadiograph
from tests.cases.conftest import send_radiograph as send_radiograph
from tests.cases.predictions import PROBABILITIES, finish_prediction

REFERENCE = "CANARY-4711"


@pytest.fixture
def read_case(
    active: ModelVersion, send_radiograph: SendRadiograph, radiologist: User, now: datetime
) -> Case:
    """Return a case with files, an AI result and one reading, which makes it final."""
    case = send_radiograph(patient_ref=REFERENCE)
    prediction = finish_prediction(case, active)
    Reading.objects.create(
        case=case, by=radiologist, finding="pneumonia", signed_at=now + timedelta(minutes=5)
    )
    update_consensus(case, now + timedelta(minutes=5))
    PredictionShown.objects.create(case=case, to=radiologist, prediction=prediction, at=now)
    case.refresh_from_db()
    return case


def exported(case: Case, by: User, now: datetime, form: str = "json") -> dict[str, Any]:
    return case_evidence.export(case=case, by=by, form=form, now=now).content


def test_image_version_threshold_heatmap_readings_and_times_are_in_the_json(
    read_case: Case, active: ModelVersion, administrator: User, now: datetime
) -> None:
    content = json.loads(json_bytes(exported(read_case, administrator, now)))
    prediction = read_case.predictions.get()
    (result,) = content["ai_results"]
    assert content["radiograph"]["file_sha256"] == read_case.radiograph.file_sha256
    assert result["version"]["weights_sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert (result["version"]["name"], result["version"]["gate_overridden_at"]) == ("v1", None)
    assert result["probabilities"] == PROBABILITIES
    assert result["operating_points"]["covid-19"] == 0.4129
    assert result["heatmap"]["heatmap_sha256"] == prediction.heatmap_sha256 != ""
    (reading,) = content["readings"]
    assert (reading["finding"], reading["by"]) == (
        "pneumonia",
        {"username": "radiologist", "role": "radiologist"},
    )
    assert reading["signed_at"] == (now + timedelta(minutes=5)).isoformat()
    assert content["case"]["final_finding"] == "pneumonia"
    assert [each["to"]["username"] for each in content["ai_results_shown"]] == ["radiologist"]
    assert "case-opened" in [each["action"] for each in content["events"]]


def test_the_patient_appears_by_a_pseudonym_only(read_case: Case, administrator: User, now: datetime) -> None:
    content = json_bytes(exported(read_case, administrator, now)).decode()
    assert REFERENCE not in content
    assert len(json.loads(content)["case"]["patient"]) == 64


def test_the_pdf_shows_the_same_facts_the_mark_of_an_override_and_the_sha256_of_the_json(
    read_case: Case, active: ModelVersion, administrator: User, now: datetime
) -> None:
    ModelVersion.objects.filter(pk=active.pk).update(overridden_at=now)
    evidence = case_evidence.export(case=read_case, by=administrator, form="pdf", now=now)
    pdf = case_evidence_pdf(evidence)
    reader = PdfReader(io.BytesIO(pdf))
    text = " ".join("\n".join(page.extract_text() for page in reader.pages).split())
    digest = hashlib.sha256(json_bytes(exported(read_case, administrator, now))).hexdigest()
    assert digest in text.replace(" ", "")
    assert "Promoted in spite of the gate" in text
    assert "0.8317 (threshold 0.4129)" in text
    assert REFERENCE not in text
    assert len([each for page in reader.pages for each in page.images]) == 1
    assert case_evidence_pdf(evidence) == pdf


def test_each_export_is_audited_with_its_form_and_the_page_links_to_it(
    client: Client, read_case: Case, administrator: User, api_client: Login
) -> None:
    client.force_login(administrator)
    page = client.get(reverse("cases:case", args=[read_case.pk])).content.decode()
    for name in ("monitoring:case-evidence", "monitoring:case-evidence-pdf"):
        address = reverse(name, args=[read_case.pk])
        assert address in page
        assert client.get(address).status_code == 200
    api = api_client(administrator)
    as_json = api.get(reverse("api-case-evidence", args=[read_case.pk]))
    as_pdf = api.get(reverse("api-case-evidence-pdf", args=[read_case.pk]))
    assert as_json.json()["case"]["id"] == str(read_case.pk)
    assert as_pdf.content.startswith(b"%PDF")
    events = AuditEvent.objects.filter(action=Action.CASE_EVIDENCE_EXPORTED, target_id=str(read_case.pk))
    assert sorted(each.detail["form"] for each in events) == ["json", "json", "pdf", "pdf"]


def test_an_administrator_who_may_not_see_ai_results_gets_no_evidence_of_an_open_case(
    read_case: Case, site: Site, administrator: User, api_client: Login, now: datetime
) -> None:
    Case.objects.filter(pk=read_case.pk).update(finalized_at=None)
    Site.objects.filter(pk=site.pk).update(administrators_see_predictions=False)
    read_case.refresh_from_db()
    with pytest.raises(ResultWithheld):
        exported(read_case, administrator, now)
    response = api_client(administrator).get(reverse("api-case-evidence", args=[read_case.pk]))
    assert (response.status_code, response.json()["code"]) == (403, "result_withheld")
    assert not AuditEvent.objects.filter(action=Action.CASE_EVIDENCE_EXPORTED).exists()
