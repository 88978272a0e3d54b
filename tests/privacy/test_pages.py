"""The pages of patient data: look-up, export, erasure and retention rules, after the password was typed."""

from __future__ import annotations

import io
import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.privacy.models import Erasure, RetentionRule
from diagnostics.training.models import TrainingRun
from tests.conftest import PASSWORD, create_user
from tests.privacy.conftest import REFERENCE
from tests.privacy.patients import Patient

SEARCH, PATIENT, EXPORT, ERASE = (
    "/privacy/",
    "/privacy/patient/",
    "/privacy/patient/export/",
    "/privacy/patient/erase/",
)
RETENTION = "/privacy/retention/"
REASON = "Request of the patient, letter of 2 March"


@pytest.fixture
def office(administrator: User, settings: Settings, tmp_path: Path) -> Client:
    """Return a client of an administrator who has just logged in."""
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    client = Client()
    client.post("/accounts/login/", {"username": administrator.username, "password": PASSWORD})
    return client


def chosen(site: Site, reference: str = REFERENCE, **fields: Any) -> dict[str, Any]:
    return {"site": str(site.pk), "reference": reference} | fields


def forget_the_password(client: Client) -> None:
    session: Any = client.session
    session["confirmed_at"] -= timedelta(minutes=16).total_seconds()
    session.save()


def test_the_page_of_a_patient_shows_what_is_stored_and_records_the_look_up(
    office: Client, site: Site, patient: Patient, other_patient: Patient, administrator: User
) -> None:
    page = office.post(PATIENT, chosen(site))

    counts = {each.label: each.count for each in page.context["counts"]}
    assert (counts["cases"], counts["radiographs"], counts["files"]) == (2, 2, len(patient.files))
    event = AuditEvent.objects.get(action=Action.PATIENT_LOOKED_UP)
    assert (event.by, event.site) == (administrator, site.pk)
    assert REFERENCE not in json.dumps(event.detail)


def test_an_unknown_patient_and_one_of_another_site_are_named_errors(
    office: Client, site: Site, other_site: Site, patient: Patient
) -> None:
    unknown = office.post(PATIENT, chosen(site, "no such patient"))
    elsewhere = office.post(PATIENT, chosen(other_site))

    assert unknown.status_code == 404
    assert "has no case of this patient" in unknown.text
    assert elsewhere.status_code == 400
    assert not AuditEvent.objects.filter(action=Action.PATIENT_LOOKED_UP).exists()


def test_the_download_is_the_export_of_the_patient_and_leaves_no_file(
    office: Client, site: Site, patient: Patient, other_patient: Patient, tmp_path: Path
) -> None:
    before = set(tmp_path.iterdir())

    response = office.post(EXPORT, chosen(site))

    assert response["Content-Disposition"] == 'attachment; filename="patient-export.zip"'
    archive = ZipFile(io.BytesIO(b"".join(response)))
    cases = json.loads(archive.read("data.json"))["tables"]["cases.Case"]
    assert {case["id"] for case in cases} == {str(patient.case.pk), str(patient.copy.pk)}
    assert set(tmp_path.iterdir()) == before
    assert AuditEvent.objects.filter(action=Action.PATIENT_EXPORTED).count() == 1


def test_a_patient_is_erased_after_the_reference_was_typed_again(
    office: Client, site: Site, patient: Patient, other_patient: Patient, administrator: User
) -> None:
    page = office.post(ERASE, chosen(site, reason=REASON, confirmation=REFERENCE), follow=True)

    done = Erasure.objects.get()
    assert page.redirect_chain == [(f"/privacy/erasures/{done.pk}/", 302)]
    assert done.patient in page.text
    assert REFERENCE not in page.text
    assert (done.by, done.reason) == (administrator, REASON)
    assert not Case.objects.filter(patient_ref=REFERENCE).exists()
    assert Case.objects.filter(pk=other_patient.case.pk).exists()
    assert REASON in office.get(SEARCH).text


@pytest.mark.parametrize(
    "wrong",
    [
        {"confirmation": "MRN-2"},
        {"confirmation": ""},
        {"reason": ""},
        {"reason": f"asked by {REFERENCE}"},
    ],
)
def test_nothing_is_erased_without_reason_and_reference(
    wrong: dict[str, str], office: Client, site: Site, patient: Patient, other_patient: Patient
) -> None:
    response = office.post(ERASE, chosen(site, reason=REASON, confirmation=REFERENCE) | wrong)

    assert response.status_code == 400
    assert Case.objects.filter(patient_ref=REFERENCE).exists()
    assert not Erasure.objects.exists()


def test_an_open_training_run_is_named_as_the_obstacle(office: Client, site: Site, patient: Patient) -> None:
    TrainingRun.objects.create(number=99, queued_at=timezone.now())

    response = office.post(ERASE, chosen(site, reason=REASON, confirmation=REFERENCE))

    assert response.status_code == 409
    assert "A training run is queued or running" in response.text
    assert Case.objects.filter(patient_ref=REFERENCE).exists()


@pytest.mark.parametrize("address", [PATIENT, EXPORT, ERASE])
def test_a_password_that_was_typed_long_ago_is_asked_for_again(
    address: str, office: Client, site: Site, patient: Patient
) -> None:
    forget_the_password(office)
    assert office.get(SEARCH)["Location"] == "/accounts/confirm/?next=%2Fprivacy%2F"

    response = office.post(address, chosen(site, reason=REASON, confirmation=REFERENCE))

    assert response["Location"] == "/accounts/confirm/?next=%2Fprivacy%2F"
    assert Case.objects.filter(patient_ref=REFERENCE).exists()
    office.post(response["Location"], {"password": PASSWORD})
    assert office.post(PATIENT, chosen(site)).status_code == 200


def test_the_reference_reaches_no_log_line_and_no_url(
    office: Client, site: Site, patient: Patient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "django.db.backends")  # values of queries are logged by no installation

    page = office.post(PATIENT, chosen(site))
    done = office.post(ERASE, chosen(site, reason=REASON, confirmation=REFERENCE))

    assert REFERENCE not in caplog.text
    assert REFERENCE not in done["Location"]
    assert page["Cache-Control"].count("no-store") == 1


def test_a_retention_rule_is_set_for_an_own_site_only(
    office: Client, site: Site, other_site: Site, patient: Patient, administrator: User
) -> None:
    Case.objects.filter(pk=patient.case.pk).update(opened_at=timezone.now() - timedelta(days=3 * 366))
    years = {f"{site.pk}-case_years": 2, f"{site.pk}-replaced_prediction_years": ""}

    page = office.post(f"{RETENTION}{site.pk}/", years, follow=True).text

    rule = RetentionRule.objects.get()
    assert (rule.site, rule.case_years, rule.replaced_prediction_years) == (site, 2, None)
    assert rule.changed_by == administrator
    assert "Older than the saved rule: cases 1, replaced AI results 0." in page
    assert Case.objects.filter(pk=patient.case.pk).exists()
    assert office.post(f"{RETENTION}{other_site.pk}/", {}).status_code == 404
    assert office.post(f"{RETENTION}{site.pk}/", {f"{site.pk}-case_years": 0}).status_code == 400


def test_the_record_of_an_erasure_is_that_of_an_own_site(
    office: Client, other_site: Site, site: Site
) -> None:
    create_user("elsewhere", Role.ADMINISTRATOR, other_site)
    strange = Erasure.objects.create(site=other_site, cause="request", reason="theirs", at=timezone.now())

    assert office.get(f"/privacy/erasures/{strange.pk}/").status_code == 404
    assert "theirs" not in office.get(SEARCH).text
