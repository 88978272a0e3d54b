"""Open conflicts about a patient whose record is merged into another."""

from __future__ import annotations

from datetime import datetime

import pytest

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.cases.services.corrections import merge_patients
from diagnostics.patients import services as patients
from diagnostics.patients.models import IdentityConflict, Patient
from tests.cases.conftest import SendRadiograph
from tests.cases.conftest import send_radiograph as send_radiograph


@pytest.fixture
def case(send_radiograph: SendRadiograph, site: Site) -> Case:
    """A case of OLD-1, whose record has one spelling of a name."""
    case = send_radiograph(1, patient_ref="OLD-1")
    Patient.objects.create(site=site, reference="OLD-1", name="Meier, Ana")
    return case


def conflict_of(reference: str, site: Site, now: datetime) -> IdentityConflict:
    return IdentityConflict.objects.create(
        site=site, kind="name", reference=reference, known="Meier, Ana", found="Meier, Anna", found_at=now
    )


def test_an_open_conflict_follows_the_patient(
    case: Case, administrator: User, site: Site, now: datetime
) -> None:
    conflict = conflict_of("OLD-1", site, now)
    merge_patients(case=case, into="NEW-1", reason="same person", by=administrator, now=now)

    patients.resolve(
        conflict=conflict, resolution="take-found", reason="the register", by=administrator, now=now
    )

    assert list(Patient.objects.values_list("reference", "name")) == [("NEW-1", "Meier, Anna")]


def test_a_conflict_that_both_records_have_is_open_once(
    case: Case, administrator: User, site: Site, now: datetime
) -> None:
    conflict_of("OLD-1", site, now)
    kept = conflict_of("NEW-1", site, now)

    merge_patients(case=case, into="NEW-1", reason="same person", by=administrator, now=now)

    assert IdentityConflict.objects.get() == kept
