"""The line that names a patient, masked by the setting of the site, and conflicts as text."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils.crypto import salted_hmac

from diagnostics.accounts.models import Masking, Site
from diagnostics.patients.models import ConflictKind, IdentityConflict, Patient, Resolution

VISIBLE_CHARACTERS: Final = 3  # of a partly masked reference, at its end
TAG_CHARACTERS: Final = 8  # 40 bits: of 100,000 patients two share a tag once in 200 installations


@dataclass(frozen=True)
class PatientLine:
    """What a list or a banner says of a patient; name and birth date are empty where masked or unknown."""

    name: str
    reference: str
    birth_date: date | None
    sex: str  # M, F, O or empty
    masked: bool


def patient_line(
    site: Site, patient: Patient | None, reference: str, *, revealed: bool = False
) -> PatientLine:
    """Return the line of a patient; `patient` is None where only the reference is known."""
    name, birth_date = (patient.name, patient.birth_date) if patient else ("", None)
    sex = patient.sex if patient else ""
    if revealed or site.patient_masking == Masking.NONE:
        return PatientLine(name, reference, birth_date, sex, masked=False)
    initials = "" if site.patient_masking == Masking.FULL else _initials(name)
    return PatientLine(initials, masked_reference(site, reference), None, sex, masked=True)


def masked_reference(site: Site, reference: str) -> str:
    """Return a reference masked, also at a site whose pages show it: lists of the API and histories."""
    tag = patient_tag(site, reference)
    return tag if site.patient_masking == Masking.FULL else f"{_ending(reference)} {tag}"


def patient_tag(site: Site, reference: str) -> str:
    """Return a tag that is the same for all cases of a patient of a site, and tells nothing of the patient.

    It is keyed with the secret of the installation, so that it cannot be computed from guessed references.
    """
    key = f"{site.pk} {reference}"
    digest = salted_hmac("diagnostics.patients.tag", key, algorithm="sha256").digest()
    return base64.b32encode(digest).decode()[:TAG_CHARACTERS]


def _ending(reference: str) -> str:
    return "****" + (reference[-VISIBLE_CHARACTERS:] if len(reference) > VISIBLE_CHARACTERS else "")


def _initials(name: str) -> str:
    """Return "A. M." for "Meier, Anna (another writing)": the initials of given and family names."""
    family, _comma, given = name.split(" (")[0].partition(", ")
    return " ".join(f"{part[0]}." for part in (*given.split(), *family.split()))


@dataclass(frozen=True)
class ConflictRow:
    """One conflict as text."""

    conflict: IdentityConflict
    kind: str
    patients: str  # reference, or the two references of an accession number
    known: str
    found: str
    resolution: str  # empty while it is open


def conflict_row(conflict: IdentityConflict) -> ConflictRow:
    """Return a conflict as text, with full references."""
    references = [conflict.reference, conflict.other_reference]
    return ConflictRow(
        conflict=conflict,
        kind=str(conflict.get_kind_display()),
        patients=", ".join(reference for reference in references if reference),
        known=conflict.known,
        found=conflict.found,
        resolution=str(conflict.get_resolution_display()) if conflict.resolved_at else "",
    )


def resolution_choices(conflict: IdentityConflict) -> list[tuple[str, str]]:
    """Return how a conflict may be resolved; that of an accession number by a correction of a case."""
    is_about_accession = conflict.kind == ConflictKind.ACCESSION
    kinds = [Resolution.SETTLED] if is_about_accession else list(Resolution)
    return [(kind.value, str(kind.label)) for kind in kinds]
