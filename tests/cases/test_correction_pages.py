"""The page and the API that correct a case, and what an upload's contradiction answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Correction
from diagnostics.patients.models import Patient
from tests.cases.conftest import Login, SendRadiograph
from tests.radiographs import radiograph_dicom

REFERENCE = "CANARY-0077431"
REASON = "the wristband says so"
SENT = {"kind": "patient", "value": "P-2", "reason": REASON}


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def case(send_radiograph: SendRadiograph) -> Case:
    return send_radiograph(1, patient_ref=REFERENCE, accession_number="ACC-1", at=timezone.now())


def page(user: User, case: Case, data: dict[str, str] | None = None) -> Any:
    client = Client()
    client.force_login(user)
    url = reverse("cases:correct", args=[case.pk])
    return client.get(url) if data is None else client.post(url, data)


def case_page(user: User, case: Case) -> str:
    client = Client()
    client.force_login(user)
    return client.get(reverse("cases:case", args=[case.pk])).content.decode()


def test_the_page_offers_what_the_user_may_correct(case: Case, technician: User, administrator: User):
    of_uploader, of_administrator = page(technician, case), page(administrator, case)

    assert of_uploader.status_code == of_administrator.status_code == 200
    for text in ("Another patient", "Accession number", "Study date", "Withdraw case", REFERENCE):
        assert text in of_uploader.content.decode()
    assert "Two records of one patient" not in of_uploader.content.decode()
    assert "Two records of one patient" in of_administrator.content.decode()
    assert "Reinstate case" not in of_administrator.content.decode()
    viewed = AuditEvent.objects.filter(action=Action.CASE_VIEWED, detail={"shown": "patient reference"})
    assert viewed.count() == 2


def test_the_page_is_closed_to_others_and_to_the_uploader_after_an_hour(
    case: Case, technician: User, radiologist: User, stranger: User
):
    assert page(radiologist, case).status_code == 403
    assert page(stranger, case).status_code == 404
    Case.objects.filter(pk=case.pk).update(opened_at=timezone.now() - timedelta(minutes=61))
    assert page(technician, case).status_code == 403
    assert page(technician, case, SENT).status_code == 403


def test_a_correction_returns_to_the_case_whose_history_masks_the_references(
    case: Case, technician: User, administrator: User
):
    response = page(technician, case, SENT)

    assert (response.status_code, response["Location"]) == (302, reverse("cases:case", args=[case.pk]))
    html = case_page(administrator, case)
    assert REASON in html
    assert "****431" in html
    assert REFERENCE not in html
    assert REFERENCE in page(administrator, case).content.decode()


def test_a_refused_correction_stays_on_the_page_with_its_reason(case: Case, technician: User):
    response = page(technician, case, SENT | {"value": "P\n2"})

    assert response.status_code == 400
    assert "no control characters" in response.content.decode()
    assert REASON in response.content.decode()
    assert not Correction.objects.exists()


@pytest.mark.parametrize("kind", ["", "age", "%s", "merge"])
def test_a_kind_that_is_not_offered_changes_nothing(case: Case, technician: User, kind: str):
    assert page(technician, case, SENT | {"kind": kind}).status_code == 400
    assert Case.objects.get().patient_ref == REFERENCE


def test_a_withdrawn_case_says_so_and_can_be_reinstated_only(case: Case, administrator: User):
    page(administrator, case, {"kind": "withdraw", "reason": REASON})

    shown = case_page(administrator, case)
    assert "Withdrawn" in shown
    assert "Run AI" not in shown
    html = page(administrator, case).content.decode()
    assert "Reinstate case" in html
    assert "Another patient" not in html


def test_revealing_a_patient_shows_name_reference_and_birth_date(
    case: Case, technician: User, site: Site, now: datetime
):
    Patient.objects.create(
        site=site,
        reference=REFERENCE,
        name="Meier, Anna",
        birth_date=datetime(1958, 4, 17).date(),  # noqa: DTZ001
    )
    client = Client()
    client.force_login(technician)
    masked = case_page(technician, case)

    revealed = client.post(
        reverse("cases:patient", args=[case.pk]), headers={"HX-Request": "true"}
    ).content.decode()

    assert "A. M." in masked
    assert "Meier" not in masked
    for text in ("Meier, Anna", REFERENCE, "1958-04-17"):
        assert text in revealed


def send(client: Any, case: Case, **changed: str) -> Any:
    return client.post(reverse("api-corrections", args=[case.pk]), SENT | changed)


def test_the_api_corrects_a_case(case: Case, technician: User, api_client: Login):
    response = send(api_client(technician), case)

    correction = Correction.objects.get()
    assert response.status_code == 201
    (stored,) = response.json()
    assert (stored["id"], stored["case"], stored["kind"]) == (str(correction.pk), str(case.pk), "patient")
    assert REFERENCE not in response.content.decode()
    assert Case.objects.get().patient_ref == "P-2"


def test_the_api_merges_two_records(
    case: Case, send_radiograph: SendRadiograph, administrator: User, api_client: Login
):
    send_radiograph(2, patient_ref=REFERENCE)

    response = send(api_client(administrator), case, kind="merge")

    assert len(response.json()) == 2
    assert set(Case.objects.values_list("patient_ref", flat=True)) == {"P-2"}


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"kind": "age"}, 400, "invalid"),
        ({"reason": "no"}, 400, "reason_missing"),
        ({"value": REFERENCE}, 400, "nothing_to_correct"),
        ({"kind": "merge"}, 403, "not_allowed"),
    ],
)
def test_the_api_refuses_with_a_code(
    case: Case, technician: User, api_client: Login, changed: dict[str, str], status: int, code: str
):
    response = send(api_client(technician), case, **changed)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert Case.objects.get().patient_ref == REFERENCE


@pytest.mark.parametrize(("scopes", "shows"), [((), False), (("read", "upload", "identifiers"), True)])
def test_a_contradiction_is_answered_with_its_values_to_those_who_may_see_them(
    technician: User, scopes: tuple[str, ...], shows: bool
):
    client = APIClient()
    client.force_authenticate(technician, token=SimpleNamespace(scopes=scopes))  # type: ignore[arg-type]

    response = upload(client)

    assert (response.status_code, response.json()["code"]) == (409, "patient_mismatch")
    expected = {"field": "patient_ref"} | ({"form": "P-2", "file": REFERENCE} if shows else {})
    assert response.json()["contradictions"] == [expected]
    assert not Case.objects.exists()


def test_the_api_takes_a_decision_with_its_reason(technician: User):
    client = APIClient()
    client.force_authenticate(technician)

    refused, taken = upload(client, use="file"), upload(client, use="file", reason=REASON)

    assert (refused.status_code, refused.json()["code"]) == (400, "reason_missing")
    assert taken.status_code == 201
    assert Case.objects.get().patient_ref == REFERENCE


def upload(client: APIClient, **fields: str) -> Any:
    content = radiograph_dicom(PatientID=REFERENCE)
    radiograph = SimpleUploadedFile("radiograph.dcm", content)
    return client.post(
        "/api/v1/cases/", {"radiograph": radiograph, "patient_ref": "P-2"} | fields, format="multipart"
    )
