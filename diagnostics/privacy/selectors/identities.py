"""What is stored of a patient beside the cases: record, identity conflicts, mentions in corrections."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from diagnostics.accounts.models import Site
from diagnostics.cases.models import Case, Correction, CorrectionKind
from diagnostics.patients.models import IdentityConflict, Patient

REFERENCE_KINDS = (CorrectionKind.PATIENT, CorrectionKind.MERGE)


def identity_rows(site: Site, references: Collection[str]) -> dict[str, QuerySet[Any]]:
    """Return by table the rows of patients that are known by these references."""
    named = Q(reference__in=references) | Q(other_reference__in=references)
    return {
        "patients.IdentityConflict": IdentityConflict.objects.filter(named, site=site),
        "patients.Patient": Patient.objects.filter(site=site, reference__in=references),
    }


def references_of(cases: list[UUID]) -> set[str]:
    """Return the references of these cases, those of control copies included."""
    return set(Case.objects.filter(pk__in=cases).values_list("patient_ref", flat=True))


def without_case(site: Site, references: Collection[str]) -> set[str]:
    """Return those of the references that no case of the site has; a control copy has a synthetic one."""
    cases = Case.objects.filter(site=site, patient_ref__in=references, copy_of=None)
    return set(references) - set(cases.values_list("patient_ref", flat=True))


def mentions_in_corrections(site: Site, references: Collection[str]) -> QuerySet[Correction]:
    """Return the corrections whose old or new value is one of the references."""
    named = Q(old__in=references) | Q(new__in=references)
    return Correction.objects.filter(named, case__site=site, kind__in=REFERENCE_KINDS)


def is_known(site: Site, reference: str) -> bool:
    """Return whether anything but a case names the patient."""
    if not reference:
        return False
    rows = identity_rows(site, [reference]).values()
    return any(each.exists() for each in rows) or mentions_in_corrections(site, [reference]).exists()
