"""Reads of patients."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import F, QuerySet

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.patients.models import IdentityConflict, Patient

PatientKey = tuple[UUID, str]  # site and reference


def patients_by_key(keys: Iterable[PatientKey]) -> dict[PatientKey, Patient]:
    """Return the patients with these sites and references, in one query; unknown ones are missing."""
    wanted = set(keys)
    found = Patient.objects.filter(
        site__in={site for site, _reference in wanted},
        reference__in={reference for _site, reference in wanted},
    )
    return {key: patient for patient in found if (key := (patient.site_id, patient.reference)) in wanted}


def patient_of(site: Site, reference: str) -> Patient | None:
    """Return the patient of a reference; None where only the reference is known."""
    return Patient.objects.filter(site=site, reference=reference).first()


def conflicts_visible_to(user: User) -> QuerySet[IdentityConflict]:
    """Return the conflicts at the user's sites, open ones first; none without the permission to resolve."""
    if not user.has_permission(Permission.CORRECT):
        return IdentityConflict.objects.none()
    conflicts = IdentityConflict.objects.filter(site__in=user.sites.all()).select_related(
        "site", "resolved_by"
    )
    return conflicts.order_by(F("resolved_at").desc(nulls_first=True), "-found_at", "pk")
