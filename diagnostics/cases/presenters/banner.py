"""The patient banner of the case page and the reading page: patient, study, question, due time and priors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.cases.models import Case, Priority
from diagnostics.cases.presenters import case as case_presenters
from diagnostics.cases.presenters.case import PriorityLabel
from diagnostics.cases.presenters.due import DueTime, due_time
from diagnostics.patients.models import Patient
from diagnostics.patients.presenters import patient_line


@dataclass(frozen=True)
class Identity:
    """Who the patient is, masked by the site's rule until it is revealed."""

    name: str  # empty where masked or unknown
    reference: str
    sex_and_age: str  # the age at the study
    birth_date: str  # empty where masked or unknown
    masked: bool


@dataclass(frozen=True)
class Prior:
    """An earlier study of the same patient."""

    url: str
    thumbnail_url: str
    date: str  # of the study, or of the upload
    detail: str  # the view, and that the date is that of the upload
    is_shown: bool  # beside the radiograph


@dataclass(frozen=True)
class Banner:
    """The values of templates/cases/_banner.html."""

    identity: Identity
    number_label: str
    number: str
    study: str
    view: str
    priority: PriorityLabel | None  # None for a routine case
    due: DueTime | None  # None once the case needs no reading
    question: str
    referrer: str
    priors: list[Prior]
    priors_text: str
    withdrawn: str  # why the case is not read; empty for a case that is not withdrawn


def patient_banner(
    case: Case,
    *,
    patient: Patient | None,
    priors: Sequence[Case],
    now: datetime,
    prior_url: Callable[[Case], str],
    shown_prior: Case | None = None,
    revealed: bool = False,
) -> Banner:
    """Return the banner of a case. `prior_url` gives the address that opens a prior."""
    is_open = case.on_worklist and case.finalized_at is None and case.withdrawn_at is None
    return Banner(
        identity=identity(case, patient, revealed=revealed),
        number_label=_("ACC") if case.accession_number else _("Case"),
        number=case_presenters.short_number(case),
        study=_study_text(case),
        view=case_presenters.view_label(case.radiograph),
        priority=None if case.priority == Priority.ROUTINE else case_presenters.priority_label(case),
        due=due_time(case.due_at, now) if is_open else None,
        question=case.clinical_question,
        referrer=case.referrer,
        priors=[_prior(each, prior_url(each), is_shown=each == shown_prior) for each in priors],
        priors_text=ngettext("%(n)s prior", "%(n)s priors", len(priors)) % {"n": len(priors)}
        if priors
        else _("No priors"),
        withdrawn=withdrawn_text(case),
    )


def identity(case: Case, patient: Patient | None, *, revealed: bool = False) -> Identity:
    """Return who the patient of a case is; the age is that at the study, whether masked or not."""
    line = patient_line(case.site, patient, case.patient_ref, revealed=revealed)
    sex, age = line.sex or case.radiograph.sex, age_at_study(case, patient)
    return Identity(
        name=line.name,
        reference=line.reference,
        sex_and_age=f"{sex} {'' if age is None else age}".strip(),
        birth_date=line.birth_date.isoformat() if line.birth_date else "",
        masked=line.masked,
    )


def age_at_study(case: Case, patient: Patient | None) -> int | None:
    """Return the age in years at the study: from the birth date, else as in the file; None if unknown."""
    radiograph, born = case.radiograph, patient.birth_date if patient else None
    if born and radiograph.study_at:
        return _years(born, timezone.localtime(radiograph.study_at).date())
    if radiograph.age is not None or born is None:
        return radiograph.age
    return _years(born, timezone.localtime(case.opened_at).date())


def study_date(case: Case) -> str:
    """Return the date of the study; the date of the upload, and that it is one, where it is unknown."""
    at = case.radiograph.study_at
    if at:
        return f"{timezone.localtime(at):%Y-%m-%d}"
    return _("received %(date)s") % {"date": f"{timezone.localtime(case.opened_at):%Y-%m-%d}"}


def withdrawn_text(case: Case) -> str:
    """Return that a case is withdrawn; empty for any other."""
    if case.withdrawn_at is None:
        return ""
    day = f"{timezone.localtime(case.withdrawn_at):%Y-%m-%d %H:%M}"
    return _("Withdrawn on %(day)s: this case is neither read nor used for training.") % {"day": day}


def _years(born: date, day: date) -> int | None:
    years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return years if years >= 0 else None


def _study_text(case: Case) -> str:
    if case.radiograph.study_at is None:
        return _("Study date unknown, %(received)s") % {"received": study_date(case)}
    at = timezone.localtime(case.radiograph.study_at)
    has_time = (at.hour, at.minute, at.second) != (0, 0, 0)
    return _("Study %(at)s") % {"at": f"{at:%Y-%m-%d %H:%M}" if has_time else f"{at:%Y-%m-%d}"}


def _prior(case: Case, url: str, *, is_shown: bool) -> Prior:
    at = case.radiograph.study_at or case.opened_at
    received = "" if case.radiograph.study_at else _("received")
    return Prior(
        url=url,
        thumbnail_url=reverse("cases:thumbnail", args=[case.pk]),
        date=f"{timezone.localtime(at):%Y-%m-%d}",
        detail=" ".join(each for each in (received, case_presenters.view_label(case.radiograph)) if each),
        is_shown=is_shown,
    )
