"""De-identified export of a case, and reception at a site that stores no identity."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from django.test import Client
from django.urls import reverse
from pydicom.pixels import apply_modality_lut, pixel_array

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.cases.services import admission
from diagnostics.cases.services.corrections import correct
from diagnostics.errors import NotAllowed
from diagnostics.integrations.pseudonyms import mapped_uid, patient_pseudonym
from diagnostics.integrations.services import deidentification
from diagnostics.integrations.services.receiving import Outcome, Received, receive_instance
from diagnostics.patients.models import Patient
from tests.integrations.conftest import INSTANCE, SERIES, STUDY, data_set, instance
from tests.radiographs import radiograph_png

IDENTITY = ("Meier", "Anna", "P-1", "1961", "A-77", "20260228", "Olga", "Thorax", STUDY, SERIES, INSTANCE)


def received(content: bytes, by: User, site: Site, now: datetime) -> Received:
    return receive_instance(content, site=site, by=by, source="stow", now=now)


def case_of(content: bytes, by: User, site: Site, now: datetime) -> Case:
    case = received(content, by, site, now).case
    assert case is not None
    return case


def exported(case: Case, by: User, now: datetime) -> tuple[bytes, dict[str, Any]]:
    """Return the DICOM file and the report of an export."""
    with zipfile.ZipFile(io.BytesIO(deidentification.export(case, by=by, now=now))) as archive:
        return archive.read("radiograph.dcm"), json.loads(archive.read("deidentification.json"))


def set_policy(site: Site, by: User, now: datetime, **changed: bool) -> None:
    values = {"at_reception": False, "shift_dates": False, "black_text": False} | changed
    deidentification.set_policy(site=site, by=by, now=now, **values)


def test_an_exported_file_holds_the_pixels_and_nothing_of_the_identity(
    administrator: User, site: Site, now: datetime
):
    case = case_of(instance(), administrator, site, now)

    content, _report = exported(case, administrator, now)

    assert not [word for word in IDENTITY if word.encode() in content]
    file, sent = data_set(content), data_set(instance())
    np.testing.assert_array_equal(
        apply_modality_lut(pixel_array(file), file), apply_modality_lut(pixel_array(sent), sent)
    )
    assert (file.PatientIdentityRemoved, file.SOPClassUID) == ("YES", sent.SOPClassUID)
    assert file.file_meta.MediaStorageSOPInstanceUID == file.SOPInstanceUID


def test_the_report_names_each_attribute_and_no_value(administrator: User, site: Site, now: datetime):
    case = case_of(instance(), administrator, site, now)

    _content, report = exported(case, administrator, now)

    assert not [word for word in IDENTITY if word in json.dumps(report)]
    actions = {each["keyword"]: each["action"] for each in report["attributes"]}
    assert actions["OperatorsName"] == "emptied"
    assert actions["StudyDescription"] == "removed"
    assert actions["StudyInstanceUID"] == "UID mapped"
    assert report["profile"] == "DICOM PS3.15 2026c Basic Profile"


def test_two_files_of_a_study_keep_belonging_together(administrator: User, site: Site, now: datetime):
    files = [instance(), instance(2, SOPInstanceUID=f"{INSTANCE}.1")]

    first, second = (
        data_set(exported(case_of(each, administrator, site, now), administrator, now)[0]) for each in files
    )

    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.PatientID == second.PatientID
    assert first.SOPInstanceUID != second.SOPInstanceUID


def test_pseudonyms_differ_between_sites_and_installations(site: Site, other_site: Site, settings: Any):
    here, there = (patient_pseudonym(each.pk, "P-1") for each in (site, other_site))
    uid = mapped_uid(site.pk, STUDY)

    settings.SECRET_KEY = "another installation"

    assert len({here, there, patient_pseudonym(site.pk, "P-1")}) == 3
    assert uid != mapped_uid(site.pk, STUDY)
    assert uid.startswith("2.25.")
    assert len(uid) <= 64


def test_dates_are_shifted_where_the_site_says_so(administrator: User, site: Site, now: datetime):
    set_policy(site, administrator, now, shift_dates=True)
    later = instance(2, SOPInstanceUID=f"{INSTANCE}.1", StudyInstanceUID=f"{STUDY}.1", StudyDate="20260307")

    first, second = (
        data_set(exported(case_of(each, administrator, site, now), administrator, now)[0])
        for each in (instance(), later)
    )

    days = [datetime.strptime(file.StudyDate, "%Y%m%d") for file in (first, second)]  # noqa: DTZ007
    assert (days[1] - days[0]).days == 7
    assert first.StudyDate != "20260228"
    assert not first.PatientBirthDate


def test_a_png_is_exported_as_a_secondary_capture(administrator: User, now: datetime):
    case = admission.open_case(
        radiograph=radiograph_png(3), patient_ref="P-1", by=administrator, now=now
    ).case

    content, _report = exported(case, administrator, now)

    assert data_set(content).SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert b"P-1" not in content


def test_an_export_is_audited_with_what_was_removed(administrator: User, site: Site, now: datetime):
    case = case_of(instance(), administrator, site, now)

    exported(case, administrator, now)

    event = AuditEvent.objects.get(action=Action.DEIDENTIFIED_EXPORTED)
    assert (event.by, event.target_id) == (administrator, str(case.pk))
    assert "OperatorsName" in event.detail["attributes"]["emptied"]
    assert not [word for word in IDENTITY if word in json.dumps(event.detail)]


def test_a_technician_may_not_export(technician: User, site: Site, now: datetime):
    case = case_of(instance(), technician, site, now)

    with pytest.raises(NotAllowed):
        deidentification.export(case, by=technician, now=now)


@pytest.fixture
def research_site(site: Site, administrator: User, now: datetime) -> Site:
    """Return a site that de-identifies what it receives."""
    set_policy(site, administrator, now, at_reception=True, black_text=True)
    return site


def test_a_site_may_store_received_files_without_their_identity(
    technician: User, research_site: Site, media: Path, now: datetime
):
    result = received(instance(), technician, research_site, now)

    assert (result.outcome, result.sop_instance_uid) == (Outcome.ACCEPTED, INSTANCE)
    case = Case.objects.get()
    assert case.patient_ref == patient_pseudonym(research_site.pk, "P-1")
    assert (case.accession_number, case.radiograph.study_at) == ("", None)
    assert not Patient.objects.filter(name__contains="Meier").exists()
    stored = b"".join(path.read_bytes() for path in media.rglob("*") if path.is_file())
    assert not [word for word in IDENTITY if word.encode() in stored]
    event = AuditEvent.objects.get(action=Action.DEIDENTIFIED_RECEIVED)
    assert "PatientID" in event.detail["attributes"]["emptied"]


def test_a_file_received_again_without_its_identity_is_the_same_case(
    technician: User, research_site: Site, now: datetime
):
    received(instance(), technician, research_site, now)

    again = received(instance(), technician, research_site, now)

    assert (again.outcome, again.sop_instance_uid) == (Outcome.DUPLICATE, INSTANCE)
    assert Case.objects.count() == 1


def test_a_file_without_a_patient_has_no_pseudonym_and_is_refused(
    technician: User, research_site: Site, now: datetime
):
    result = received(instance(PatientID=""), technician, research_site, now)

    assert (result.outcome, result.code) == (Outcome.REFUSED, "patient_ref_missing")


def test_the_policy_of_a_site_is_changed_by_its_administrators_alone(
    administrator: User, radiologist: User, site: Site, other_site: Site, now: datetime
):
    client = Client()
    client.force_login(administrator)
    change = reverse("integrations:deidentification-change", args=[site.pk])

    assert client.post(change, {f"{site.pk}-shift_dates": "on"}).status_code == 302

    policy = deidentification.policy_of(site)
    assert (policy.at_reception, policy.shift_dates, policy.black_text) == (False, True, False)
    assert AuditEvent.objects.filter(action=Action.DEIDENTIFICATION_CHANGED, by=administrator).exists()
    page = client.get(reverse("integrations:deidentification")).content.decode()
    assert site.name in page
    assert other_site.name not in page
    for by, where in ((radiologist, site), (administrator, other_site)):
        with pytest.raises(NotAllowed):
            set_policy(where, by, now)


def test_the_case_page_links_to_the_export_for_those_who_may(
    administrator: User, technician: User, site: Site, now: datetime
):
    case = case_of(instance(), technician, site, now)
    link = reverse("api-deidentified", args=[case.pk])
    client = Client()

    client.force_login(administrator)
    response = client.get(link)

    assert link in client.get(reverse("cases:case", args=[case.pk])).content.decode()
    assert (response.status_code, response["Content-Type"]) == (200, "application/zip")
    assert "P-1" not in str(response.headers)
    client.force_login(technician)
    assert client.get(link).status_code == 403
    assert link not in client.get(reverse("cases:case", args=[case.pk])).content.decode()


def test_a_withdrawn_case_is_not_exported(administrator: User, site: Site, now: datetime):
    case = case_of(instance(), administrator, site, now)
    correct(case=case, kind="withdraw", reason="wrong patient", by=administrator, now=now)
    link = reverse("api-deidentified", args=[case.pk])
    client = Client()
    client.force_login(administrator)

    response = client.get(link)

    assert (response.status_code, response.json()["code"]) == (409, "case_withdrawn")
    assert link not in client.get(reverse("cases:case", args=[case.pk])).content.decode()
    assert not AuditEvent.objects.filter(action=Action.DEIDENTIFIED_EXPORTED).exists()


def test_a_damaged_attribute_of_the_header_is_not_exported(administrator: User, site: Site, now: datetime):
    broken = data_set(instance())
    element = pydicom.DataElement("StudyDate", "DA", "20260228")
    element._value = "Meier was here"
    broken.add(element)
    out = io.BytesIO()
    broken.save_as(out)
    set_policy(site, administrator, now, shift_dates=True)

    content, _report = exported(case_of(out.getvalue(), administrator, site, now), administrator, now)

    assert b"Meier" not in content
