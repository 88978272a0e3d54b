"""The list of identity conflicts, and their resolution by an administrator."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.errors import NotAllowed
from diagnostics.patients import services
from diagnostics.patients.errors import AlreadyResolved, ReasonRequired, UnknownResolution
from diagnostics.patients.models import ConflictKind, IdentityConflict, Patient

REASON = "the register of the hospital"


@pytest.fixture
def patient(site: Site) -> Patient:
    return Patient.objects.create(
        site=site, reference="CANARY-1", name="Meier, Anna", birth_date=date(1958, 4, 17)
    )


@pytest.fixture
def conflict(patient: Patient, now: datetime) -> IdentityConflict:
    return IdentityConflict.objects.create(
        site=patient.site,
        kind=ConflictKind.BIRTH_DATE,
        reference=patient.reference,
        known="1958-04-17",
        found="1985-04-17",
        found_at=now,
    )


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def resolve(user: User, conflict: IdentityConflict, **changed: str) -> Any:
    url = reverse("patients:resolve", args=[conflict.pk])
    return logged_in(user).post(url, {"resolution": "take-found", "reason": REASON} | changed)


def test_an_administrator_sees_the_conflict_and_each_view_is_audited(
    conflict: IdentityConflict, administrator: User
):
    html = logged_in(administrator).get(reverse("patients:conflicts")).content.decode()

    for text in ("one patient, two birth dates", "CANARY-1", "1958-04-17", "1985-04-17"):
        assert text in html
    event = AuditEvent.objects.get(action=Action.IDENTITY_CONFLICT_VIEWED)
    assert (event.by, event.target_id, event.detail) == (administrator, str(conflict.pk), {})


@pytest.mark.parametrize("role", ["technician", "radiologist"])
def test_other_roles_see_no_conflict(conflict: IdentityConflict, role: str, request: pytest.FixtureRequest):
    client = logged_in(request.getfixturevalue(role))

    assert client.get(reverse("patients:conflicts")).status_code == 403


def test_an_administrator_of_another_site_finds_no_conflict(
    conflict: IdentityConflict, administrator: User, other_site: Site
):
    administrator.sites.set([other_site])

    html = logged_in(administrator).get(reverse("patients:conflicts")).content.decode()
    assert "No identity conflicts" in html
    assert "CANARY-1" not in html
    assert resolve(administrator, conflict).status_code == 404


@pytest.mark.parametrize(
    ("resolution", "birth_date"),
    [("take-found", date(1985, 4, 17)), ("keep-known", date(1958, 4, 17)), ("settled", date(1958, 4, 17))],
)
def test_a_resolution_takes_or_keeps_the_value_and_is_audited(
    conflict: IdentityConflict, patient: Patient, administrator: User, resolution: str, birth_date: date
):
    assert resolve(administrator, conflict, resolution=resolution).status_code == 302

    patient.refresh_from_db()
    conflict.refresh_from_db()
    assert patient.birth_date == birth_date
    assert (conflict.resolution, conflict.resolved_by, conflict.reason) == (resolution, administrator, REASON)
    event = AuditEvent.objects.get(action=Action.IDENTITY_CONFLICT_RESOLVED)
    assert event.detail == {"kind": "birth-date", "resolution": resolution}


def test_an_accession_number_is_not_taken_from_anybody(
    conflict: IdentityConflict, administrator: User, now: datetime
):
    IdentityConflict.objects.filter(pk=conflict.pk).update(kind=ConflictKind.ACCESSION)

    with pytest.raises(UnknownResolution):
        services.resolve(conflict=conflict, resolution="take-found", reason=REASON, by=administrator, now=now)


def test_a_resolution_needs_a_person_a_choice_and_a_reason_once(
    conflict: IdentityConflict, administrator: User, radiologist: User, now: datetime
):
    def _resolve(by: User = administrator, resolution: str = "settled", reason: str = REASON) -> None:
        services.resolve(conflict=conflict, resolution=resolution, reason=reason, by=by, now=now)

    with pytest.raises(NotAllowed):
        _resolve(by=radiologist)
    with pytest.raises(UnknownResolution):
        _resolve(resolution="")
    with pytest.raises(ReasonRequired):
        _resolve(reason="  ok ")
    _resolve()
    with pytest.raises(AlreadyResolved):
        _resolve()


def test_a_conflict_that_was_resolved_can_be_found_again(
    conflict: IdentityConflict, patient: Patient, administrator: User, now: datetime
):
    services.resolve(conflict=conflict, resolution="keep-known", reason=REASON, by=administrator, now=now)
    facts = services.PatientFacts(birth_date=date(1985, 4, 17))
    for _ in range(2):
        services.record_patient(
            site=patient.site, reference="CANARY-1", facts=facts, by=administrator, now=now
        )

    assert IdentityConflict.objects.filter(resolved_at=None).count() == 1
