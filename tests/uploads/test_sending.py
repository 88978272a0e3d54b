"""Rows of the list become cases, each by its own request."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Correction, Prediction, Priority
from diagnostics.uploads import storage
from diagnostics.uploads.models import StagedUpload
from diagnostics.uploads.services import editing
from tests.radiographs import radiograph_dicom, radiograph_png
from tests.uploads.conftest import UploadList, files_in


def test_each_row_has_its_own_patient_and_none_is_common(upload_list: UploadList) -> None:
    rows = [upload_list.row(radiograph_png(seed)) for seed in (1, 2)]

    sent = [
        upload_list.send(row, patient_ref=ref, accession_number=f"ACC-{ref}", view="AP", priority="stat")
        for row, ref in zip(rows, ("P-1", "P-2"), strict=True)
    ]

    assert [row["state"] for row in sent] == ["open", "open"]
    cases = Case.objects.order_by("patient_ref")
    assert list(cases.values_list("patient_ref", "accession_number", "priority", "radiograph__view")) == [
        ("P-1", "ACC-P-1", Priority.STAT, "AP"),
        ("P-2", "ACC-P-2", Priority.STAT, "AP"),
    ]


def test_a_sent_row_keeps_its_thumbnail_and_loses_its_file(upload_list: UploadList, staged: Path) -> None:
    row = upload_list.row(radiograph_png(1))

    sent = upload_list.send(row, patient_ref="P-1")

    assert files_in(staged) == [f"{row['id']}.png"]
    assert sent["url"] == reverse("cases:case", args=[Case.objects.get().pk])


def test_sending_twice_opens_one_case(upload_list: UploadList) -> None:
    row = upload_list.row(radiograph_png(1))

    first = upload_list.send(row, patient_ref="P-1")
    again = upload_list.send(row, patient_ref="P-OTHER")

    assert again == first
    assert Case.objects.get().patient_ref == "P-1"


def test_a_row_without_a_patient_is_not_sent_and_says_why(upload_list: UploadList) -> None:
    row = upload_list.row(radiograph_png(1))

    after = upload_list.send(row, patient_ref=" ")

    assert (after["state"], after["note"]["code"]) == ("blocked", "patient_ref_missing")
    assert after["note"]["text"] == "Please enter the patient reference."
    assert not Case.objects.exists()


def test_the_ai_result_of_a_sent_row_is_followed_by_one_address(
    upload_list: UploadList, now: datetime
) -> None:
    rows = [upload_list.row(radiograph_png(seed)) for seed in (1, 2)]
    for row in rows:
        upload_list.send(row, patient_ref="P-1")
    first = StagedUpload.objects.get(pk=rows[0]["id"])
    Prediction.objects.filter(case=first.case).update(status="done", finished_at=now)

    progress = upload_list.client.get("/uploads/progress/").json()["rows"]

    assert [(each["id"], each["state"], each["note"]["text"]) for each in progress] == [
        (rows[0]["id"], "finished", "AI result ready"),
        (rows[1]["id"], "open", "Sent, AI result queued"),
    ]


def test_a_duplicate_links_to_its_case_and_is_announced_before(upload_list: UploadList) -> None:
    first = upload_list.send(upload_list.row(radiograph_png(1)), patient_ref="P-1")
    row = upload_list.row(radiograph_png(1))
    assert row["note"]["code"] == "duplicate"

    sent = upload_list.send(row, patient_ref="P-1")

    assert sent["url"] == first["url"]
    assert sent["note"]["text"].startswith("Duplicate: it already had a case.")
    assert Case.objects.count() == 1


def test_a_radiograph_of_another_patient_is_refused_and_reveals_nothing(upload_list: UploadList) -> None:
    upload_list.send(upload_list.row(radiograph_png(1)), patient_ref="H-FIRST")
    row = upload_list.row(radiograph_png(1))

    after = upload_list.send(row, patient_ref="H-SECOND")

    assert (after["state"], after["note"]["code"]) == ("blocked", "radiograph_of_another_patient")
    assert "H-FIRST" not in str(after)
    assert AuditEvent.objects.filter(action=Action.PATIENT_CONFLICT_FOUND).count() == 1
    (edited,) = upload_list.post(row, "edit", patient_ref="H-FIRST").json()["rows"]
    assert upload_list.send(edited)["state"] == "open"


def test_a_row_whose_file_is_gone_says_so(upload_list: UploadList) -> None:
    row = upload_list.row(radiograph_png(1))
    storage.remove(StagedUpload.objects.get().pk)

    after = upload_list.send(row, patient_ref="P-1")

    assert (after["state"], after["note"]["code"]) == ("refused", "staged_file_missing")
    assert upload_list.client.get(row["thumbnail"]).status_code == 404


def test_cleared_are_the_sent_and_refused_rows_only(upload_list: UploadList) -> None:
    waiting = upload_list.row(radiograph_png(1))
    upload_list.row(b"no radiograph")
    upload_list.send(upload_list.row(radiograph_dicom(2)), patient_ref="P-1")

    assert upload_list.client.post("/uploads/clear/").status_code == 204

    assert [row["id"] for row in upload_list.rows()] == [waiting["id"]]
    assert Case.objects.count() == 1


def test_a_sent_row_cannot_be_edited(upload_list: UploadList) -> None:
    row = upload_list.row(radiograph_png(1))
    upload_list.send(row, patient_ref="P-1")

    response = upload_list.post(row, "edit", patient_ref="P-2")

    assert (response.status_code, response.json()["code"]) == (409, "already_sent")


def test_an_expired_row_leaves_its_case(upload_list: UploadList, technician: User) -> None:
    upload_list.send(upload_list.row(radiograph_png(1)), patient_ref="P-1")
    upload = StagedUpload.objects.get()
    StagedUpload.objects.update(staged_at=upload.staged_at - timedelta(days=2))

    assert editing.sweep(older_than=timedelta(days=1), now=upload.staged_at) == 1
    assert Case.objects.filter(opened_by=technician).count() == 1


def named_dicom(seed: int = 1) -> bytes:
    """Return a radiograph whose header names a patient and a study."""
    return radiograph_dicom(
        seed,
        PatientID="7999",
        PatientName="Meier^Anna",
        PatientBirthDate="19630211",
        PatientSex="F",
        AccessionNumber="20261120-017",
        StudyDate="20261120",
        StudyTime="114200",
    )


def test_patient_and_study_come_from_the_file(upload_list: UploadList) -> None:
    row = upload_list.row(named_dicom())

    assert (row["person"], row["study"], row["state"]) == (
        "Meier, Anna 1963-02-11 F",
        "2026-11-20 11:42",
        "ready",
    )
    assert (row["fields"]["patient_ref"], row["fields"]["accession_number"]) == ("7999", "20261120-017")
    assert upload_list.send(row)["state"] == "open"
    assert Case.objects.get().patient_ref == "7999"


def test_a_contradiction_is_shown_before_sending_and_the_file_may_be_used(upload_list: UploadList) -> None:
    row = upload_list.row(named_dicom())

    (typed,) = upload_list.post(row, "edit", patient_ref="1111").json()["rows"]

    assert (typed["state"], typed["note"]["code"]) == ("blocked", "patient_mismatch")
    assert typed["note"]["text"] == "Patient: typed 1111, the file says 7999"
    (corrected,) = upload_list.post(row, "edit", **typed["mismatch"]).json()["rows"]
    assert (corrected["state"], corrected["fields"]["patient_ref"]) == ("ready", "7999")


def test_typed_values_need_a_reason_which_is_audited(upload_list: UploadList, technician: User) -> None:
    row = upload_list.row(named_dicom())
    upload_list.post(row, "edit", patient_ref="1111")

    short = upload_list.post(row, "edit", mismatch_reason="no")
    (decided,) = upload_list.post(row, "edit", mismatch_reason="Wrong entry at the device").json()["rows"]
    sent = upload_list.send(decided)

    assert (short.status_code, short.json()["code"]) == (400, "reason_missing")
    assert (decided["state"], decided["mismatch"]) == ("ready", {})
    assert sent["state"] == "open"
    assert Case.objects.get().patient_ref == "1111"
    assert Correction.objects.get().reason == "Wrong entry at the device"
    assert AuditEvent.objects.get(action=Action.IDENTITY_CHOSEN).by == technician


def test_a_reason_holds_for_the_values_it_was_given_for(upload_list: UploadList) -> None:
    row = upload_list.row(named_dicom())
    upload_list.post(row, "edit", patient_ref="1111")
    upload_list.post(row, "edit", mismatch_reason="Wrong entry at the device")

    (after,) = upload_list.post(row, "edit", patient_ref="2222").json()["rows"]

    assert (after["state"], after["note"]["code"]) == ("blocked", "patient_mismatch")


def test_an_undecided_contradiction_is_not_sent(upload_list: UploadList) -> None:
    row = upload_list.row(named_dicom())

    after = upload_list.send(row, patient_ref="1111", accession_number="OTHER")

    assert after["mismatch"] == {"patient_ref": "7999", "accession_number": "20261120-017"}
    assert not Case.objects.exists()


def test_a_png_gets_patient_and_study_from_the_row(upload_list: UploadList) -> None:
    row = upload_list.row(radiograph_png(1))
    details = {"study_date": "2026-11-20", "referrer": "ED 2", "clinical_question": "dyspnoea, fever 3 d?"}

    upload_list.send(row, patient_ref="P-1", **details)

    case = Case.objects.get()
    assert case.radiograph.study_at
    assert case.radiograph.study_at.date().isoformat() == "2026-11-20"
    assert (case.referrer, case.clinical_question) == ("ED 2", "dyspnoea, fever 3 d?")


def test_a_date_that_is_none_is_refused(upload_list: UploadList) -> None:
    row = upload_list.row(radiograph_png(1))

    response = upload_list.post(row, "edit", study_date="20 November")

    assert (response.status_code, response.json()["code"]) == (400, "study_date_unusable")
