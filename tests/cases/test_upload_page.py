"""The upload page: each file has its own result."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import upload_validation
from diagnostics.cases.models import Case, Priority
from tests.radiographs import radiograph_dicom, radiograph_jpeg, radiograph_png

UPLOAD = "/cases/upload/"


@pytest.fixture
def sender(client: Client, technician: User) -> Client:
    client.force_login(technician)
    return client


def file(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def send(client: Client, *radiographs: SimpleUploadedFile, accept: str = "text/html", **fields: str):
    form = {"patient_ref": "P-1", "accession_number": "", "view": "", "priority": "routine"} | fields
    return client.post(UPLOAD, {**form, "radiographs": list(radiographs)}, headers={"Accept": accept})


def results(client: Client, *radiographs: SimpleUploadedFile, **fields: str) -> list[dict[str, str]]:
    return send(client, *radiographs, accept="application/json", **fields).json()["results"]


def test_the_form_has_radiographs_and_a_patient_reference(sender: Client) -> None:
    html = sender.get(UPLOAD).content.decode()
    assert 'name="radiographs"' in html
    assert "multiple" in html
    assert 'name="patient_ref"' in html


def test_a_refused_file_does_not_stop_the_others(sender: Client) -> None:
    radiographs = (
        file("a.png", radiograph_png(1)),
        file("b.png", b"no radiograph"),
        file("c.dcm", radiograph_dicom(2)),
        file("d", b""),
        file("frames.dcm", radiograph_dicom(3, (256, 128), Rows=128)),
        file("e.png", radiograph_png(4)),
    )
    uploaded = results(sender, *radiographs)
    codes = ["", "unknown_format", "", "empty_file", "multi_frame", ""]
    assert [result["code"] for result in uploaded] == codes
    assert [result["status"] for result in uploaded] == ["refused" if code else "accepted" for code in codes]
    assert Case.objects.count() == 3


def test_an_accepted_radiograph_links_to_its_case(sender: Client) -> None:
    (result,) = results(
        sender,
        file("a.jpg", radiograph_jpeg(1)),
        patient_ref="H-431",
        accession_number="ACC-1",
        view="AP",
        priority="stat",
    )
    case = Case.objects.get()
    assert result["url"] == reverse("cases:case", args=[case.pk])
    assert (case.patient_ref, case.accession_number, case.priority) == ("H-431", "ACC-1", Priority.STAT)
    assert case.radiograph.view == "AP"


def test_a_duplicate_links_to_the_existing_case(sender: Client) -> None:
    (first,) = results(sender, file("a.png", radiograph_png(1)))
    (again,) = results(sender, file("other name.png", radiograph_png(1)))
    assert (again["status"], again["url"]) == ("duplicate", first["url"])
    assert Case.objects.count() == 1


def test_a_radiograph_of_another_patient_is_a_conflict_that_reveals_no_patient(sender: Client) -> None:
    results(sender, file("a.png", radiograph_png(1)), patient_ref="H-FIRST")
    (result,) = results(sender, file("a.png", radiograph_png(1)), patient_ref="H-SECOND")
    assert (result["status"], result["code"], result["url"]) == (
        "conflict",
        "radiograph_of_another_patient",
        "",
    )
    assert "H-FIRST" not in str(result)
    assert AuditEvent.objects.filter(action=Action.PATIENT_CONFLICT_FOUND).count() == 1


def test_a_file_over_the_size_limit_is_refused(sender: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_validation, "MAX_FILE_BYTES", 1000)
    (result,) = results(sender, file("a.png", radiograph_png(1)))
    assert result["code"] == "too_large"


def test_an_upload_without_a_patient_reference_creates_no_case(sender: Client) -> None:
    response = send(sender, file("a.png", radiograph_png(1)), accept="application/json", patient_ref=" ")
    assert response.status_code == 400
    (result,) = response.json()["results"]
    assert (result["code"], result["message"]) == ("incomplete", "Please enter the patient reference.")
    assert not Case.objects.exists()


def test_without_javascript_the_results_are_a_page(sender: Client) -> None:
    response = send(sender, file("a.png", radiograph_png(1)), file("<b>.png", b"no radiograph"))
    html = response.content.decode()
    assert response.status_code == 200
    assert "Accepted." in html
    assert reverse("cases:case", args=[Case.objects.get().pk]) in html
    assert "unknown_format" in html
    assert "&lt;b&gt;.png" in html


def test_without_javascript_a_missing_reference_is_reported_at_the_field(sender: Client) -> None:
    response = send(sender, file("a.png", radiograph_png(1)), patient_ref="")
    assert response.status_code == 400
    assert "Please enter the patient reference." in response.content.decode()


def test_an_upload_without_a_file_is_refused(sender: Client) -> None:
    response = send(sender)
    assert response.status_code == 400
    assert "Please choose at least one radiograph." in response.content.decode()


def test_a_user_without_a_site_sees_why_the_upload_was_refused(sender: Client, technician: User) -> None:
    technician.sites.clear()
    (result,) = results(sender, file("a.png", radiograph_png(1)))
    assert result["code"] == "not_allowed"
    assert "You are not a member of a site." in result["message"]


def test_neither_file_name_nor_reference_is_audited(sender: Client) -> None:
    results(sender, file("SECRET-NAME.png", radiograph_png(1)), patient_ref="H-SECRET")
    assert not any("SECRET" in str(event.detail) for event in AuditEvent.objects.all())
