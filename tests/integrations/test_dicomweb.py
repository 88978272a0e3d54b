"""QIDO-RS and STOW-RS with a client of other authors: what is stored is found, by whom may see it."""

from __future__ import annotations

from datetime import datetime

import pytest
import requests
from django.test import Client

from diagnostics.accounts.models import User
from diagnostics.cases.choices import CorrectionKind
from diagnostics.cases.models import Case
from diagnostics.cases.services import admission, corrections
from tests.integrations.conftest import INSTANCE, ROOT, SERIES, STUDY, Connect, data_set, instance, values_of
from tests.radiographs import radiograph_jpeg

FULL = ("read", "upload", "identifiers")
FRAME = f"{ROOT}/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}"


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
