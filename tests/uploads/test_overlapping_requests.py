"""Requests about one row that overlap: its check, typed fields, two tabs that send it."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

from diagnostics.accounts.models import User
from diagnostics.uploads.models import StagedUpload
from diagnostics.uploads.services import checking, editing, sending
from tests.radiographs import radiograph_dicom, radiograph_png
from tests.uploads.conftest import UploadList


def zipped(content: bytes) -> bytes:
    """A ZIP archive; its files are checked by requests of their own."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a", content)
    return packed.getvalue()


def test_fields_typed_during_the_check_stay(upload_list: UploadList, technician: User) -> None:
    upload_list.stage(zipped(radiograph_dicom(1, PatientID="P-FILE")), "a.zip")
    in_check = StagedUpload.objects.get()  # read by the request that decodes the file
    editing.edit(upload=StagedUpload.objects.get(), typed={"patient_ref": "P-TYPED"}, by=technician)

    checking.check(upload=in_check)

    checked = StagedUpload.objects.get()
    assert (checked.status, checked.patient_ref) == ("checked", "P-TYPED")
    assert checked.header["patient_ref"] == "P-FILE"  # the contradiction is still asked about


def test_a_row_that_is_sent_during_its_check_stays_sent(upload_list: UploadList) -> None:
    upload_list.stage(zipped(radiograph_png(1)), "a.zip")
    in_check = StagedUpload.objects.get()
    (row,) = upload_list.rows()
    upload_list.send(row, patient_ref="P-1")

    checking.check(upload=in_check)

    sent = StagedUpload.objects.get()
    assert (sent.status, sent.opened_case) == ("sent", True)


def test_the_second_of_two_sends_changes_nothing(
    upload_list: UploadList, technician: User, now: datetime
) -> None:
    upload_list.row(radiograph_png(1))
    in_other_tab = StagedUpload.objects.get()
    (row,) = upload_list.rows()
    upload_list.send(row, patient_ref="P-1")

    sending.send(upload=in_other_tab, typed={"patient_ref": "P-2"}, by=technician, now=now)

    sent = StagedUpload.objects.get()
    assert (sent.status, sent.patient_ref, sent.opened_case) == ("sent", "P-1", True)


def test_fields_typed_in_two_tabs_are_both_kept(upload_list: UploadList, technician: User) -> None:
    upload_list.row(radiograph_png(1))
    one, other = StagedUpload.objects.get(), StagedUpload.objects.get()

    editing.edit(upload=one, typed={"patient_ref": "P-1"}, by=technician)
    editing.edit(upload=other, typed={"accession_number": "A-1"}, by=technician)

    kept = StagedUpload.objects.get()
    assert (kept.patient_ref, kept.accession_number) == ("P-1", "A-1")
