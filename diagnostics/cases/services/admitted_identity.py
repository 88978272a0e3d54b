"""What the admission of a case records of its patient: the record, conflicts, and choices of a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.identity import Contradiction, Decision, Identity
from diagnostics.cases.models import Case, Correction, CorrectionKind
from diagnostics.patients import services as patients
from diagnostics.patients.models import ConflictKind
from diagnostics.patients.services import PatientFacts

KINDS: Final = {
    "patient_ref": CorrectionKind.PATIENT,
    "accession_number": CorrectionKind.ACCESSION,
    "view": CorrectionKind.VIEW,
    "birth_date": CorrectionKind.BIRTH_DATE,
    "study_date": CorrectionKind.STUDY_DATE,
}


def record_identity(case: Case, identity: Identity, *, by: User, now: datetime) -> None:
    """Store what an upload states of its patient, and its contradictions to earlier records as conflicts."""
    facts = PatientFacts(identity.patient_name, identity.birth_date, identity.sex)
    patients.record_patient(site=case.site, reference=case.patient_ref, facts=facts, by=by, now=now)
    check_accession_number(case, by=by, now=now)


def check_accession_number(case: Case, *, by: User, now: datetime) -> None:
    """Open a conflict where the accession number of a case belongs to another patient of the site."""
    if not case.accession_number:
        return
    same = Case.objects.filter(
        site=case.site, accession_number=case.accession_number, copy_of=None, withdrawn_at=None
    )
    other = same.exclude(patient_ref=case.patient_ref).order_by("opened_at").first()
    if other is not None:
        patients.open_conflict(
            kind=ConflictKind.ACCESSION,
            site=case.site,
            reference=other.patient_ref,
            other_reference=case.patient_ref,
            known=case.accession_number,
            by=by,
            now=now,
        )


def record_choice(
    case: Case, decision: Decision, decided: Sequence[Contradiction], *, by: User, now: datetime
) -> None:
    """Store for each decided contradiction what was not taken and what was, and audit the choice."""
    Correction.objects.bulk_create(
        Correction(
            case=case,
            kind=KINDS[one.field],
            old=one.file if decision.use == "form" else one.form,
            new=one.form if decision.use == "form" else one.file,
            reason=decision.reason,
            at_upload=True,
            by=by,
            at=now,
        )
        for one in decided
    )
    detail = {"use": decision.use, "fields": [one.field for one in decided]}
    audit.record(action=Action.IDENTITY_CHOSEN, by=by, target=case, detail=detail, now=now)
