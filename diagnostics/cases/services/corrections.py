"""Corrections of a case: another patient, accession number, view or study date; withdrawal; merged patients.

Each keeps the old value and the reason in a row of the case. The audit log names the kind and that row, so
that it holds no patient reference. Control copies are synthetic and keep their own identity.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import upload_validation
from diagnostics.cases.errors import InvalidField, NothingToCorrect
from diagnostics.cases.models import Case, Correction, CorrectionKind, Radiograph, View
from diagnostics.cases.selectors import visible_to
from diagnostics.cases.services import admitted_identity, withdrawal
from diagnostics.cases.services.retry import require_not_withdrawn
from diagnostics.errors import NotAllowed
from diagnostics.patients import services as patients
from ml.images.study_dates import is_plausible

OWN_UPLOAD: Final = timedelta(hours=1)  # for which uploaders may correct what they have uploaded
FOR_UPLOADERS: Final = frozenset(
    {
        CorrectionKind.PATIENT,
        CorrectionKind.ACCESSION,
        CorrectionKind.VIEW,
        CorrectionKind.STUDY_DATE,
        CorrectionKind.WITHDRAW,
    }
)
FOR_ADMINISTRATORS: Final = FOR_UPLOADERS | {CorrectionKind.MERGE, CorrectionKind.REINSTATE}


def permitted_kinds(case: Case, by: User, now: datetime) -> frozenset[CorrectionKind]:
    """Return what a user may correct: administrators always, uploaders for an hour after the upload."""
    if by.has_permission(Permission.CORRECT):
        return FOR_ADMINISTRATORS
    is_own = case.opened_by_id == by.pk and now - case.opened_at <= OWN_UPLOAD
    return FOR_UPLOADERS if is_own and by.has_permission(Permission.UPLOAD) else frozenset()


def apply(*, case: Case, kind: str, value: str, reason: str, by: User, now: datetime) -> list[Correction]:
    """Carry out a correction of any kind, also the merge of two patients; raises the errors of both."""
    if kind == CorrectionKind.MERGE:
        return merge_patients(case=case, into=value, reason=reason, by=by, now=now)
    return [correct(case=case, kind=kind, value=value, reason=reason, by=by, now=now)]


@transaction.atomic
def correct(*, case: Case, kind: str, value: str = "", reason: str, by: User, now: datetime) -> Correction:
    """Correct a case, keep the old value and audit the correction.

    `value` is a reference, an accession number, a view, or a date or time in ISO 8601; a withdrawal
    has none.
    Raises NotAllowed, InvalidField, NothingToCorrect, CaseWithdrawn.
    """
    case = _locked(case, by)
    if kind == CorrectionKind.MERGE or kind not in CorrectionKind.values:
        raise InvalidField("kind_unknown", _("Please choose what is corrected."))
    if kind not in permitted_kinds(case, by, now):
        raise NotAllowed(
            _("Only administrators correct a case, and its uploader within an hour. Please ask one of them.")
        )
    reason = upload_validation.checked_reason(reason)
    if kind != CorrectionKind.REINSTATE:
        require_not_withdrawn(case)
    old, new = CORRECTIONS[CorrectionKind(kind)](case, value, by, now)
    if old == new:
        raise NothingToCorrect(_("This is the present value. Nothing was changed."))
    correction = Correction.objects.create(
        case=case, kind=kind, old=old, new=new, reason=reason, by=by, at=now
    )
    detail = {"kind": kind, "correction": str(correction.pk)}
    action = ACTIONS.get(CorrectionKind(kind), Action.CASE_CORRECTED)
    audit.record(action=action, by=by, target=case, detail=detail, now=now)
    return correction


@transaction.atomic
def merge_patients(*, case: Case, into: str, reason: str, by: User, now: datetime) -> list[Correction]:
    """Give all cases of the patient of a case to another reference of the same person.

    Raises NotAllowed, InvalidField, NothingToCorrect.
    """
    require(by, Permission.CORRECT)
    case = _locked(case, by)
    reason = upload_validation.checked_reason(reason)
    old, new = case.patient_ref, _reference(into)
    if old == new:
        raise NothingToCorrect(_("This is the present value. Nothing was changed."))
    merged = list(
        Case.objects.select_for_update()
        .filter(site=case.site_id, patient_ref=old, copy_of=None)
        .order_by("pk")
    )
    Case.objects.filter(pk__in=[one.pk for one in merged]).update(patient_ref=new)
    patients.merge_records(site=case.site, reference=old, into=new, by=by, now=now)
    corrections = Correction.objects.bulk_create(
        Correction(case=one, kind=CorrectionKind.MERGE, old=old, new=new, reason=reason, by=by, at=now)
        for one in merged
    )
    audit.record_each(action=Action.PATIENTS_MERGED, by=by, targets=merged, now=now)
    return corrections


def _locked(case: Case, by: User) -> Case:
    """Return the case locked for the transaction; raises NotAllowed where the user may not see it."""
    locked = Case.objects.select_for_update(of=("self",)).select_related("site", "radiograph").get(pk=case.pk)
    if not visible_to(by).filter(pk=case.pk).exists():
        raise NotAllowed(_("This case belongs to a site where you do not work."))
    return locked


def _reference(text: str) -> str:
    reference = upload_validation.checked_reference(text)
    if not reference:
        raise upload_validation.patient_ref_missing()
    return reference


def _patient(case: Case, value: str, by: User, now: datetime) -> tuple[str, str]:
    old, case.patient_ref = case.patient_ref, _reference(value)
    case.save(update_fields=["patient_ref"])
    if case.copy_of_id is None:
        admitted_identity.check_accession_number(case, by=by, now=now)
    return old, case.patient_ref


def _accession(case: Case, value: str, by: User, now: datetime) -> tuple[str, str]:
    old, case.accession_number = case.accession_number, upload_validation.checked_accession_number(value)
    case.save(update_fields=["accession_number"])
    if case.copy_of_id is None:
        admitted_identity.check_accession_number(case, by=by, now=now)
    return old, case.accession_number


def _view(case: Case, value: str, by: User, now: datetime) -> tuple[str, str]:
    old, new = case.radiograph.view, upload_validation.checked_view(value)
    Radiograph.objects.filter(Q(case=case) | Q(case__copy_of=case)).update(view=new)
    if View.LATERAL in (old, new) and old != new:
        withdrawal.score_again(case, by=by, now=now)
    return old, new


def _study_date(case: Case, value: str, by: User, now: datetime) -> tuple[str, str]:
    radiograph = case.radiograph
    old, radiograph.study_at = radiograph.study_at, _study_at(value)
    radiograph.save(update_fields=["study_at"])
    return old.isoformat() if old else "", radiograph.study_at.isoformat()


def _study_at(value: str) -> datetime:
    try:
        at = parse_datetime(value)
        day = parse_date(value) if at is None else None
    except ValueError:
        at = day = None
    if day is not None:
        at = datetime(day.year, day.month, day.day)  # noqa: DTZ001
    if at is None or not is_plausible(at.date()):
        raise InvalidField("study_date_unusable", _("Please enter the study date as year-month-day."))
    return at if at.tzinfo else timezone.make_aware(at, timezone.get_default_timezone())


CORRECTIONS: Final[dict[CorrectionKind, Callable[[Case, str, User, datetime], tuple[str, str]]]] = {
    CorrectionKind.PATIENT: _patient,
    CorrectionKind.ACCESSION: _accession,
    CorrectionKind.VIEW: _view,
    CorrectionKind.STUDY_DATE: _study_date,
    CorrectionKind.WITHDRAW: withdrawal.withdraw,
    CorrectionKind.REINSTATE: withdrawal.reinstate,
}
ACTIONS: Final = {
    CorrectionKind.WITHDRAW: Action.CASE_WITHDRAWN,
    CorrectionKind.REINSTATE: Action.CASE_REINSTATED,
}
