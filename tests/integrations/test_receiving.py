"""Received DICOM instances become cases, once each."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.choices import CorrectionKind
from diagnostics.cases.models import Case
from diagnostics.cases.services import corrections
from diagnostics.errors import NotAllowed
from diagnostics.integrations.services.receiving import Outcome, Received, receive_instance
from tests.radiographs import radiograph_dicom, radiograph_png

UID = "1.2.826.0.1.3680043.8.498.1"


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def instance(seed: int = 1, **tags: Any) -> bytes:
    """Return a drawn radiograph whose data set names the patient P-1 and its own SOP instance UID."""
    return radiograph_dicom(seed, **({"PatientID": "P-1", "StudyInstanceUID": UID} | tags))


def received(content: bytes, by: User, site: Site, now: datetime) -> Received:
    return receive_instance(content, site=site, by=by, source="stow", now=now)


def test_a_received_instance_becomes_a_case_of_the_patient_in_its_header(
    technician: User, site: Site, now: datetime
):
    result = received(instance(), technician, site, now)

    assert (result.outcome, result.code) == (Outcome.ACCEPTED, "")
    case = Case.objects.get()
    assert (case, case.patient_ref, case.site) == (result.case, "P-1", site)
    assert result.sop_instance_uid == case.radiograph.sop_instance_uid


def test_the_same_instance_sent_again_is_the_same_case(technician: User, site: Site, now: datetime):
    first = received(instance(), technician, site, now)

    again = received(instance(), technician, site, now)

    assert (again.outcome, again.case) == (Outcome.DUPLICATE, first.case)
    assert Case.objects.count() == 1


def test_an_instance_sent_again_after_a_correction_of_its_patient_is_the_same_case(
    technician: User, administrator: User, site: Site, now: datetime
):
    first = received(instance(), technician, site, now)
    assert first.case is not None
    corrections.apply(
        case=first.case,
        kind=CorrectionKind.PATIENT,
        value="P-2",
        reason="wrong patient at the modality",
        by=administrator,
        now=now,
    )

    again = received(instance(), technician, site, now + timedelta(hours=1))

    assert (again.outcome, again.case) == (Outcome.DUPLICATE, first.case)


def test_an_instance_of_a_withdrawn_case_sent_again_is_refused_as_an_upload_is(
    technician: User, administrator: User, site: Site, now: datetime
):
    case = received(instance(), technician, site, now).case
    assert case is not None
    corrections.correct(case=case, kind="withdraw", reason="wrong patient", by=administrator, now=now)

    again = received(instance(), technician, site, now)

    assert (again.outcome, again.code, again.case) == (Outcome.REFUSED, "case_withdrawn", None)


def test_another_radiograph_under_a_known_instance_uid_is_refused(
    technician: User, site: Site, now: datetime
):
    first = received(instance(), technician, site, now)

    other = received(instance(2, SOPInstanceUID=first.sop_instance_uid), technician, site, now)

    assert (other.outcome, other.code) == (Outcome.REFUSED, "sop_instance_reused")
    assert Case.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"no image", "unknown_format"),
        (radiograph_png(1), "not_dicom"),
        (radiograph_dicom(1, PatientID="P-1", modality="CT"), "not_an_xray_modality"),
        (radiograph_dicom(1), "patient_ref_missing"),
        (radiograph_dicom(1, PatientID="P-1")[:-9000], "damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unusable_instance_is_refused_with_a_code(
    technician: User, site: Site, now: datetime, content: bytes, code: str
):
    result = received(content, technician, site, now)

    assert (result.outcome, result.code, result.case) == (Outcome.REFUSED, code, None)
    assert not result.is_temporary
    assert result.message
    assert not Case.objects.exists()


def test_a_refused_instance_keeps_its_uids_for_the_answer(technician: User, site: Site, now: datetime):
    result = received(radiograph_dicom(1, SOPInstanceUID=f"{UID}.7"), technician, site, now)

    assert result.outcome == Outcome.REFUSED
    assert result.sop_instance_uid == "1.2.826.0.1.3680043.8.498.1.7"
    assert result.sop_class_uid == "1.2.840.10008.5.1.4.1.1.1.1"  # Digital X-Ray, for presentation


def test_a_full_disk_is_a_refusal_that_passes(
    technician: User, site: Site, now: datetime, settings: Settings, tmp_path: Path
):
    (tmp_path / "file").touch()
    settings.MEDIA_ROOT = tmp_path / "file"

    result = received(instance(), technician, site, now)

    assert (result.outcome, result.code, result.is_temporary) == (
        Outcome.REFUSED,
        "storage_unavailable",
        True,
    )


def test_outcome_and_entrance_are_audited_without_an_identifier(technician: User, site: Site, now: datetime):
    case = received(instance(), technician, site, now).case
    received(b"no image", technician, site, now)

    accepted = AuditEvent.objects.get(action=Action.INSTANCE_RECEIVED)
    refused = AuditEvent.objects.get(action=Action.INSTANCE_REFUSED)
    assert case is not None
    assert (accepted.by, accepted.target_id) == (technician, str(case.pk))
    assert accepted.detail == {"source": "stow", "outcome": "accepted"}
    assert (refused.site, refused.detail) == (
        site.pk,
        {"source": "stow", "outcome": "refused", "code": "unknown_format"},
    )


def test_an_instance_for_a_site_of_others_is_not_allowed(technician: User, other_site: Site, now: datetime):
    with pytest.raises(NotAllowed):
        received(instance(), technician, other_site, now)


def test_the_instance_of_another_site_is_unknown_here(
    technician: User, stranger: User, site: Site, other_site: Site, now: datetime
):
    received(instance(), technician, site, now)

    there = received(instance(), stranger, other_site, now)

    assert there.outcome == Outcome.ACCEPTED
    assert Case.objects.count() == 2
