"""The upload page: every file ends with a result of its own."""

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


def send(client: Client, *radiographs: SimpleUploadedFile, accept: str = "text/html", **order: str):
    form = {"patient_ref": "P-1", "accession_number": "", "view": "", "priority": "routine"} | order
    return client.post(UPLOAD, {**form, "radiographs": list(radiographs)}, headers={"Accept": accept})


def outcomes(client: Client, *radiographs: SimpleUploadedFile, **order: str) -> list[dict[str, str]]:
    return send(client, *radiographs, accept="application/json", **order).json()["outcomes"]


def test_the_page_asks_for_radiographs_and_a_patient_reference(sender: Client) -> None:
    html = sender.get(UPLOAD).content.decode()
    assert 'name="radiographs"' in html
    assert "multiple" in html
    assert 'name="patient_ref"' in html


def test_one_bad_file_never_stops_the_others(sender: Client) -> None:
    radiographs = (
        file("a.png", radiograph_png(1)),
        file("b.png", b"no radiograph"),
        file("c.dcm", radiograph_dicom(2)),
        file("d", b""),
    )
    ended = outcomes(sender, *radiographs)
    assert [outcome["ending"] for outcome in ended] == ["accepted", "refused", "accepted", "refused"]
    assert [outcome["code"] for outcome in ended] == ["", "unknown_format", "", "empty_file"]
    assert Case.objects.count() == 2


def test_an_accepted_radiograph_leads_to_its_case(sender: Client) -> None:
    (ended,) = outcomes(
        sender,
        file("a.jpg", radiograph_jpeg(1)),
        patient_ref="H-431",
        accession_number="ACC-1",
        view="AP",
        priority="stat",
    )
    case = Case.objects.get()
    assert ended["url"] == reverse("cases:case", args=[case.pk])
    assert (case.patient_ref, case.accession_number, case.priority) == ("H-431", "ACC-1", Priority.STAT)
    assert case.radiograph.view == "AP"


def test_the_same_radiograph_again_leads_to_the_case_it_has(sender: Client) -> None:
    (first,) = outcomes(sender, file("a.png", radiograph_png(1)))
    (again,) = outcomes(sender, file("other name.png", radiograph_png(1)))
    assert (again["ending"], again["url"]) == ("duplicate", first["url"])
    assert Case.objects.count() == 1


def test_a_radiograph_of_another_patient_is_a_conflict_that_names_nobody(sender: Client) -> None:
    outcomes(sender, file("a.png", radiograph_png(1)), patient_ref="H-FIRST")
    (ended,) = outcomes(sender, file("a.png", radiograph_png(1)), patient_ref="H-SECOND")
    assert (ended["ending"], ended["code"], ended["url"]) == ("conflict", "radiograph_of_another_patient", "")
    assert "H-FIRST" not in str(ended)
    assert AuditEvent.objects.filter(action=Action.CONFLICT_FOUND).count() == 1


def test_a_file_that_is_too_large_is_refused_by_its_size(
    sender: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_validation, "MAX_FILE_BYTES", 1000)
    (ended,) = outcomes(sender, file("a.png", radiograph_png(1)))
    assert ended["code"] == "too_large"


def test_without_a_patient_reference_nothing_is_opened(sender: Client) -> None:
    response = send(sender, file("a.png", radiograph_png(1)), accept="application/json", patient_ref=" ")
    assert response.status_code == 400
    (ended,) = response.json()["outcomes"]
    assert (ended["code"], ended["words"]) == ("incomplete", "Please enter the patient reference.")
    assert not Case.objects.exists()


def test_without_scripts_the_radiographs_end_on_a_page_of_results(sender: Client) -> None:
    response = send(sender, file("a.png", radiograph_png(1)), file("<b>.png", b"no radiograph"))
    html = response.content.decode()
    assert response.status_code == 200
    assert "Accepted." in html
    assert reverse("cases:case", args=[Case.objects.get().pk]) in html
    assert "unknown_format" in html
    assert "&lt;b&gt;.png" in html


def test_without_scripts_a_missing_reference_is_said_beside_the_field(sender: Client) -> None:
    response = send(sender, file("a.png", radiograph_png(1)), patient_ref="")
    assert response.status_code == 400
    assert "Please enter the patient reference." in response.content.decode()


def test_without_a_file_the_page_asks_for_one(sender: Client) -> None:
    response = send(sender)
    assert response.status_code == 400
    assert "Please choose at least one radiograph." in response.content.decode()


def test_whoever_belongs_to_no_site_reads_why_nothing_was_taken(sender: Client, technician: User) -> None:
    technician.sites.clear()
    (ended,) = outcomes(sender, file("a.png", radiograph_png(1)))
    assert ended["code"] == "not_allowed"
    assert "You belong to no site yet." in ended["words"]


def test_neither_file_name_nor_reference_stands_on_record(sender: Client) -> None:
    outcomes(sender, file("SECRET-NAME.png", radiograph_png(1)), patient_ref="H-SECRET")
    assert not any("SECRET" in str(event.detail) for event in AuditEvent.objects.all())
