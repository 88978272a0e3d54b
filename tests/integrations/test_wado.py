"""WADO-RS with a client of other authors: instances, frames and images of what was stored."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from django.test import Client
from PIL import Image
from pydicom.pixels import apply_modality_lut, pixel_array

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.choices import CorrectionKind
from diagnostics.cases.models import Case
from diagnostics.cases.services import admission, control_copies, corrections
from tests.conftest import create_user
from tests.integrations.conftest import INSTANCE, ROOT, SERIES, STUDY, Connect, data_set, instance, values_of
from tests.radiographs import radiograph_grey, radiograph_png

FULL = ("read", "upload", "identifiers")
FRAME = f"{ROOT}/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"photometric": "MONOCHROME1"},
        {
            "bits": 16,
            "RescaleSlope": "2",
            "RescaleIntercept": "-1024",
            "WindowCenter": "60000",
            "WindowWidth": "120000",
        },
        {"bits": 10},
    ],
    ids=["12 bits", "MONOCHROME1", "16 bits, rescaled", "10 bits"],
)
def test_a_retrieved_instance_has_the_values_of_the_one_that_was_stored(
    technician: User, connect: Connect, tags: dict[str, Any]
):
    sent = data_set(instance(**tags))
    client = connect(technician, *FULL)
    client.store_instances([sent])

    received = client.retrieve_instance(STUDY, SERIES, INSTANCE)

    np.testing.assert_array_equal(
        apply_modality_lut(pixel_array(received), received), apply_modality_lut(pixel_array(sent), sent)
    )
    assert received.PhotometricInterpretation == sent.PhotometricInterpretation
    assert (received.WindowCenter, received.WindowWidth) == (sent.WindowCenter, sent.WindowWidth)
    assert received.SOPClassUID == sent.SOPClassUID
    assert (received.PatientID, received.StudyTime) == ("P-1", "101500")


def test_the_frame_holds_the_pixels_that_the_metadata_describe(
    stored: Case, technician: User, connect: Connect
):
    client = connect(technician)

    described = values_of(client.retrieve_instance_metadata(STUDY, SERIES, INSTANCE))
    frame = client.retrieve_instance_frames(STUDY, SERIES, INSTANCE, [1])[0]

    pixels = np.frombuffer(frame, "<u2").reshape(described.Rows, described.Columns)
    sent = data_set(instance()).pixel_array
    np.testing.assert_array_equal(pixels + int(described.RescaleIntercept), sent)


def test_the_rendered_image_is_the_displayed_radiograph(stored: Case, technician: User, connect: Connect):
    client = connect(technician)

    png = client.retrieve_instance_rendered(STUDY, SERIES, INSTANCE, media_types=("image/png",))
    jpeg = client.retrieve_instance_rendered(STUDY, SERIES, INSTANCE, media_types=("image/jpeg",))

    expected = radiograph_grey(1) * 255
    for image in (png, jpeg):
        assert np.abs(np.asarray(Image.open(io.BytesIO(image)), float) - expected).max() < 20


def test_without_the_scope_identifiers_the_patient_is_masked_everywhere(
    stored: Case, technician: User, connect: Connect
):
    client = connect(technician)

    file = client.retrieve_instance(STUDY, SERIES, INSTANCE)
    study = values_of(client.search_for_studies()[0])
    described = values_of(client.retrieve_instance_metadata(STUDY, SERIES, INSTANCE))

    for answer in (file, study, described):
        text = str(answer)
        assert not [word for word in ("Meier", "Anna", "P-1", "1961", "Olga", "Thorax") if word in text]
        assert str(answer.PatientID).startswith("****")


def test_the_attributes_of_the_image_are_sent_but_no_name_of_staff_or_free_text(
    technician: User, connect: Connect
):
    client = connect(technician, *FULL)
    client.store_instances([data_set(instance(KVP="120", ImagerPixelSpacing=["0.14", "0.14"]))])

    received = client.retrieve_instance(STUDY, SERIES, INSTANCE)

    assert (received.KVP, received.ImagerPixelSpacing) == (120, [0.14, 0.14])
    text = str(received)
    assert "Meier" in text
    assert "Olga" not in text
    assert "Thorax" not in text


def test_after_a_correction_the_corrected_patient_is_sent(
    stored: Case, technician: User, administrator: User, connect: Connect, now: datetime
):
    corrections.apply(
        case=stored,
        kind=CorrectionKind.PATIENT,
        value="P-2",
        reason="wrong patient at the modality",
        by=administrator,
        now=now,
    )

    received = connect(technician, *FULL).retrieve_instance(STUDY, SERIES, INSTANCE)

    assert received.PatientID == "P-2"
    assert "Meier" not in str(received)


def test_a_png_is_retrieved_as_a_secondary_capture_under_uids_of_its_own(
    technician: User, connect: Connect, now: datetime
):
    admission.open_case(radiograph=radiograph_png(3), patient_ref="P-3", by=technician, now=now)
    client = connect(technician, *FULL)
    found = values_of(client.search_for_instances()[0])

    received = client.retrieve_instance(found.StudyInstanceUID, found.SeriesInstanceUID, found.SOPInstanceUID)

    assert received.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert received.PatientID == "P-3"
    assert len({found.StudyInstanceUID, found.SeriesInstanceUID, found.SOPInstanceUID}) == 3
    shown = apply_modality_lut(pixel_array(received), received)
    np.testing.assert_array_equal(shown, np.asarray(Image.open(io.BytesIO(radiograph_png(3)))))


@pytest.mark.parametrize(
    ("address", "accept", "status", "content_type"),
    [
        ("", "application/dicom", 200, "application/dicom"),
        ("", 'multipart/related; type="application/dicom"; transfer-syntax=*', 200, "multipart/related"),
        ("", 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.90', 406, ""),
        ("", "text/html", 406, ""),
        ("/metadata", "application/dicom+json", 200, "application/dicom+json"),
        ("/metadata", "application/dicom+xml", 406, ""),
        ("/frames/1", "application/octet-stream", 200, "application/octet-stream"),
        (
            "/frames/1",
            "multipart/related; type=application/octet-stream; transfer-syntax=*",
            200,
            "multipart",
        ),
        ("/frames/1", "image/jls", 406, ""),
        ("/frames/2", "*/*", 404, ""),
        ("/bulkdata/7FE00010", "*/*", 200, "multipart/related"),
        ("/rendered", "image/png", 200, "image/png"),
        ("/rendered", "*/*", 200, "image/jpeg"),
        ("/thumbnail", "image/*", 200, "image/jpeg"),
    ],
)
def test_the_accept_header_chooses_the_media_type(
    stored: Case, technician: User, address: str, accept: str, status: int, content_type: str
):
    client = Client()
    client.force_login(technician)

    response = client.get(f"{FRAME}{address}", headers={"Accept": accept})

    assert response.status_code == status
    assert response["Content-Type"].startswith(content_type)


def test_every_retrieval_and_search_is_audited_without_an_identifier(
    stored: Case, technician: User, connect: Connect
):
    client = connect(technician)
    client.search_for_studies(search_filters={"PatientID": "P-1"})
    client.retrieve_instance(STUDY, SERIES, INSTANCE)
    client.retrieve_instance_frames(STUDY, SERIES, INSTANCE, [1])
    client.retrieve_instance_metadata(STUDY, SERIES, INSTANCE)

    events = AuditEvent.objects.filter(by=technician)
    viewed = events.filter(action=Action.IMAGE_VIEWED, target_id=str(stored.pk)).order_by("pk")
    assert [event.detail["image"] for event in viewed] == ["DICOM instance", "DICOM frame"]
    assert events.filter(action=Action.CASE_VIEWED, target_id=str(stored.pk)).exists()
    listed = events.get(action=Action.CASES_LISTED)
    assert listed.detail == {"cases": 1, "filters": ["PatientID"], "references": "masked"}


def test_a_control_copy_is_served_to_its_reader_alone_with_its_own_identity(
    stored: Case, radiologist: User, site: Site, technician: User, connect: Connect, now: datetime
):
    connect(technician).store_instances(
        [data_set(instance(2, PatientID="Q-200", PatientName="Weber^Eva", SOPInstanceUID=f"{INSTANCE}.2"))]
    )
    like = Case.objects.get(patient_ref="Q-200")
    copy = control_copies.open_control_copy(radiograph_of=stored, like=like, to=radiologist, now=now)
    uid = copy.radiograph.sop_instance_uid
    other = create_user("colleague", Role.RADIOLOGIST, site)

    text = str(
        connect(radiologist, "read", "identifiers").retrieve_instance(
            copy.radiograph.study_uid, copy.radiograph.series_uid, uid
        )
    )

    assert copy.patient_ref in text
    assert not [word for word in ("P-1", "Meier", INSTANCE + "'", "A-77") if word in text]
    found = connect(other).search_for_instances()
    assert uid not in [values_of(each).SOPInstanceUID for each in found]
