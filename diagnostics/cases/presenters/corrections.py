"""The page that corrects a case, and the history of its corrections."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.cases.models import Case, Correction, CorrectionKind, View
from diagnostics.patients.presenters import masked_reference

WITH_REFERENCES: Final = frozenset({CorrectionKind.PATIENT, CorrectionKind.MERGE})
MASKED: Final = WITH_REFERENCES | {CorrectionKind.BIRTH_DATE}
PARTS: Final[dict[CorrectionKind, tuple[Promise, Promise, Promise]]] = {  # heading, hint, button
    CorrectionKind.PATIENT: (
        gettext_lazy("Another patient"),
        gettext_lazy("This radiograph shows another patient: give the case to that patient."),
        gettext_lazy("Move case"),
    ),
    CorrectionKind.ACCESSION: (
        gettext_lazy("Accession number"),
        gettext_lazy("The number of the request; empty where there is none."),
        gettext_lazy("Correct accession number"),
    ),
    CorrectionKind.VIEW: (
        gettext_lazy("View"),
        gettext_lazy("From or to a lateral view, the AI result is computed again."),
        gettext_lazy("Correct view"),
    ),
    CorrectionKind.STUDY_DATE: (
        gettext_lazy("Study date"),
        gettext_lazy("When the radiograph was taken."),
        gettext_lazy("Correct study date"),
    ),
    CorrectionKind.MERGE: (
        gettext_lazy("Two records of one patient"),
        gettext_lazy("All cases of this patient get the other reference of the same person."),
        gettext_lazy("Merge patients"),
    ),
    CorrectionKind.WITHDRAW: (
        gettext_lazy("Withdraw case"),
        gettext_lazy("It leaves worklists, training and exports, and is not scored. The record stays."),
        gettext_lazy("Withdraw case"),
    ),
    CorrectionKind.REINSTATE: (
        gettext_lazy("Reinstate case"),
        gettext_lazy("It is read and scored again."),
        gettext_lazy("Reinstate case"),
    ),
}


@dataclass(frozen=True)
class CorrectionPart:
    """One correction that the user may make, with its form."""

    heading: str
    hint: str
    present: str  # the present value; empty where the correction has none
    button: str
    form: Any  # a forms.CorrectionForm
    is_open: bool


@dataclass(frozen=True)
class CorrectionRow:
    """One correction of the history."""

    label: str
    old: str
    new: str
    note: str
    reason: str
    by: str
    at: datetime


def offered_kinds(case: Case, permitted: Collection[CorrectionKind]) -> list[CorrectionKind]:
    """Return the corrections that apply to a case now: a withdrawn one can only be reinstated."""
    is_withdrawn = case.withdrawn_at is not None
    return [
        kind for kind in PARTS if kind in permitted and (kind == CorrectionKind.REINSTATE) == is_withdrawn
    ]


def correction_part(case: Case, kind: CorrectionKind, form: Any, *, is_open: bool) -> CorrectionPart:
    """Return one correction with its form; open where the form was refused."""
    heading, hint, button = PARTS[kind]
    return CorrectionPart(str(heading), str(hint), _present(kind, case), str(button), form, is_open)


def history(case: Case, corrections: Iterable[Correction], *, revealed: bool = False) -> list[CorrectionRow]:
    """Return the rows of the history; references and birth dates are masked unless revealed."""
    return [
        CorrectionRow(
            label=str(one.get_kind_display()),
            old=_value(case, one, one.old, revealed),
            new=_value(case, one, one.new, revealed),
            note=_("chosen at the upload, where form and file contradict") if one.at_upload else "",
            reason=one.reason,
            by=one.by.username,
            at=one.at,
        )
        for one in corrections
    ]


def _present(kind: CorrectionKind, case: Case) -> str:
    study_at = case.radiograph.study_at
    return {
        CorrectionKind.PATIENT: case.patient_ref,
        CorrectionKind.MERGE: case.patient_ref,
        CorrectionKind.ACCESSION: case.accession_number or _("none"),
        CorrectionKind.VIEW: str(case.radiograph.get_view_display()),
        CorrectionKind.STUDY_DATE: f"{timezone.localtime(study_at):%Y-%m-%d %H:%M}"
        if study_at
        else _("none"),
    }.get(kind, "")


def _value(case: Case, correction: Correction, value: str, revealed: bool) -> str:
    if not value:
        return _("none")
    if correction.kind in MASKED and not revealed:
        is_reference = correction.kind in WITH_REFERENCES
        return masked_reference(case.site, value) if is_reference else "****"
    return str(View(value).label) if correction.kind == CorrectionKind.VIEW else value
