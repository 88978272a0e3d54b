"""DICOMweb with a client of other authors: stored by STOW-RS, found by QIDO-RS, retrieved by WADO-RS."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import numpy as np
import pytest
import requests
from django.test import Client
from PIL import Image
from pydicom import Dataset
from pydicom.pixels import apply_modality_lut, pixel_array

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.choices import CorrectionKind
from diagnostics.cases.models import Case
from diagnostics.cases.services import admission, control_copies, corrections
from tests.conftest import create_user
from tests.integrations.conftest import INSTANCE, ROOT, SERIES, STUDY, Connect, data_set, instance
from tests.radiographs import radiograph_grey, radiograph_jpeg, radiograph_png

FULL = ("read", "upload", "identifiers")
FRAME = f"{ROOT}/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"


def values_of(attributes: dict[str, Any]) -> Dataset:
    return Dataset.from_json(attributes, bulk_data_uri_handler=lambda *_reference: b"")


@pytest.fixture
def stored(technician: User, connect: Connect) -> Case:
    """Return the case of an instance that was stored by STOW-RS."""
    response = connect(technician).store_instances([data_set(instance())])
    assert not response.get("FailedSOPSequence")
    return Case.objects.get()


def test_a_stored_instance_is_found_as_study_series_and_instance(
    stored: Case, technician: User, connect: Connect
):
    client = connect(technician, *FULL)

    study = values_of(client.search_for_studies()[0])
    series = values_of(client.search_for_series(STUDY)[0])
    found = values_of(client.search_for_instances(STUDY, SERIES)[0])

    assert (study.StudyInstanceUID, study.PatientID, study.AccessionNumber) == (STUDY, "P-1", "A-77")
    assert (study.PatientName, study.PatientBirthDate, study.PatientSex) == ("Meier^Anna", "19610714", "F")
    assert (study.StudyDate, study.ModalitiesInStudy) == ("20260228", "DX")
    assert (study.NumberOfStudyRelatedSeries, study.NumberOfStudyRelatedInstances) == (1, 1)
    assert (series.SeriesInstanceUID, series.Modality, series.NumberOfSeriesRelatedInstances) == (
        SERIES,
        "DX",
        1,
    )
    assert (found.SOPInstanceUID, found.Rows, found.Columns) == (INSTANCE, 256, 256)


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


def test_with_the_scope_no_name_of_staff_or_free_text_of_the_file_is_sent(
    stored: Case, technician: User, connect: Connect
):
    text = str(connect(technician, *FULL).retrieve_instance(STUDY, SERIES, INSTANCE))

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


def test_a_user_of_another_site_finds_and_retrieves_nothing(stored: Case, stranger: User, connect: Connect):
    client = connect(stranger)

    assert client.search_for_studies() == []
    for retrieve in (client.retrieve_instance, client.retrieve_instance_metadata):
        with pytest.raises(requests.HTTPError, match="404"):
            retrieve(STUDY, SERIES, INSTANCE)


def test_a_withdrawn_case_is_neither_found_nor_retrieved(
    stored: Case, technician: User, administrator: User, connect: Connect, now: datetime
):
    kind = CorrectionKind.WITHDRAW
    corrections.apply(case=stored, kind=kind, value="", reason="wrong image", by=administrator, now=now)

    assert connect(technician).search_for_studies() == []


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


def test_a_jpeg_of_a_case_without_uids_is_found_by_its_series_uid(
    technician: User, connect: Connect, now: datetime
):
    admission.open_case(radiograph=radiograph_jpeg(4), patient_ref="P-4", by=technician, now=now)
    client = connect(technician)
    first = values_of(client.search_for_instances()[0])

    again = client.search_for_instances(search_filters={"SeriesInstanceUID": first.SeriesInstanceUID})

    assert [values_of(each).SOPInstanceUID for each in again] == [first.SOPInstanceUID]


def test_two_instances_of_a_study_are_one_study_of_two_series(technician: User, connect: Connect):
    other = instance(2, SOPInstanceUID=f"{INSTANCE}.1", SeriesInstanceUID=f"{SERIES}.1", Modality="CR")
    client = connect(technician)
    client.store_instances([data_set(instance()), data_set(other)])

    (study,) = client.search_for_studies()

    assert values_of(study).NumberOfStudyRelatedSeries == 2
    assert list(values_of(study).ModalitiesInStudy) == ["CR", "DX"]
    assert len(client.search_for_series(STUDY)) == 2
    assert len(client.retrieve_study(STUDY)) == 2


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"PatientID": "P-1"}, True),
        ({"PatientID": "P-*"}, True),
        ({"PatientID": "P-2"}, False),
        ({"PatientName": "meier^anna"}, True),
        ({"PatientName": "M?ier*"}, True),
        ({"PatientName": "Weber*"}, False),
        ({"AccessionNumber": "A-7*"}, True),
        ({"AccessionNumber": "A.77"}, False),
        ({"StudyDate": "20260228"}, True),
        ({"StudyDate": "20260201-20260301"}, True),
        ({"StudyDate": "-20260227"}, False),
        ({"StudyDate": "20260301-"}, False),
        ({"ModalitiesInStudy": "DX"}, True),
        ({"ModalitiesInStudy": "CR"}, False),
        ({"0020000D": STUDY}, True),
        ({"StudyInstanceUID": "1.2.3"}, False),
        ({"PatientID": "*", "StudyDate": ""}, True),
    ],
)
def test_a_study_is_found_by_its_attributes(
    stored: Case, technician: User, connect: Connect, filters: dict[str, str], found: bool
):
    assert bool(connect(technician, *FULL).search_for_studies(search_filters=filters)) is found


def test_results_are_paged_newest_first(technician: User, connect: Connect):
    client = connect(technician)
    uids = [f"{STUDY}.{number}" for number in range(3)]
    for number, uid in enumerate(uids):
        client.store_instances(
            [data_set(instance(number, StudyInstanceUID=uid, SOPInstanceUID=f"{INSTANCE}.{number}"))]
        )

    pages = [client.search_for_studies(limit=1, offset=offset) for offset in range(4)]

    assert [[values_of(each).StudyInstanceUID for each in page] for page in pages] == [
        *[[uid] for uid in reversed(uids)],
        [],
    ]


@pytest.mark.parametrize("filters", [{"PatientID": "P-*"}, {"PatientName": "M*"}])
def test_a_masked_user_cannot_search_for_parts_of_a_name_or_reference(
    stored: Case, technician: User, connect: Connect, filters: dict[str, str]
):
    with pytest.raises(requests.HTTPError, match="403"):
        connect(technician).search_for_studies(search_filters=filters)


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "offset=x",
        "StudyDate=yesterday",
        "StudyDate=20261301",
        "StudyDate=99991231",
        "PatientID=%00",
        "PatientID=a*b*c*d*e*f*g*",
    ],
)
def test_a_malformed_query_is_refused_with_a_code(technician: User, query: str):
    client = Client()
    client.force_login(technician)

    response = client.get(f"{ROOT}/studies?{query}")

    assert (response.status_code, response.json()["code"]) == (400, "invalid_query")


def test_an_unsupported_parameter_is_named_in_a_warning(stored: Case, technician: User):
    client = Client()
    client.force_login(technician)

    response = client.get(f"{ROOT}/studies?fuzzymatching=true&PatientBirthDate=19610714")

    assert response.status_code == 200
    assert "PatientBirthDate, fuzzymatching" in response["Warning"]


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
