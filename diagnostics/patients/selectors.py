"""Reads of patients."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from diagnostics.patients.models import Patient

PatientKey = tuple[UUID, str]  # site and reference


def patients_by_key(keys: Iterable[PatientKey]) -> dict[PatientKey, Patient]:
    """Return the patients with these sites and references, in one query; unknown ones are missing."""
    wanted = set(keys)
    found = Patient.objects.filter(
        site__in={site for site, _reference in wanted},
        reference__in={reference for _site, reference in wanted},
    )
    return {key: patient for patient in found if (key := (patient.site_id, patient.reference)) in wanted}
