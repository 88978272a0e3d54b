"""The report of a case as text, for the page and for the PDF."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.cases.models import Case
from diagnostics.cases.presenters import case as case_presenters
from diagnostics.cases.presenters.prediction import PredictionSummary, finding_label, prediction_summary
from diagnostics.cases.presenters.quality import stopped_of
from diagnostics.patients.models import Patient
from diagnostics.review.models import Reading
from diagnostics.review.selectors.report import CaseReport, ReportedReading


@dataclass(frozen=True)
class Fact:
    """A label and its value."""

    label: str
    value: str


@dataclass(frozen=True)
class ReadingText:
    """One signed reading as text."""

    finding: str
    confidence: str
    structured: str  # a sentence; empty without a structured note
    note: str
    signed: str  # by whom and when
    amendment_reason: str  # empty for a first reading


@dataclass(frozen=True)
class SignedReading:
    """A current reading, and the readings that it supersedes."""

    current: ReadingText
    earlier: list[ReadingText]


@dataclass(frozen=True)
class AiResult:
    """The AI result as text, apart from the reading."""

    heading: str
    headline: str
    scores: list[Fact]  # probability and operating point of each class
    facts: list[Fact]
    warnings: list[str]
    heatmap_caption: str


@dataclass(frozen=True)
class ReportText:
    """A report as text; the page and the PDF show the same."""

    title: str
    status: str  # "Final", or "Amended" where a reading supersedes another
    is_amended: bool
    patient: list[Fact]
    study: list[Fact]
    finding: str
    basis: str  # how many readings, and whether they were adjudicated
    readings: list[SignedReading]
    ai: AiResult | None
    no_ai: str  # why there is no AI result
    disclaimer: str


def report_text(report: CaseReport) -> ReportText:
    """Return a report as text in the language of the user and the time zone of the site."""
    is_amended = any(each.superseded for each in report.readings)
    return ReportText(
        title=_("Report of chest radiograph %(number)s")
        % {"number": case_presenters.short_number(report.case)},
        status=_("Amended") if is_amended else _("Final"),
        is_amended=is_amended,
        patient=_patient_facts(report.case, report.patient),
        study=_study_facts(report.case),
        finding=finding_label(report.finding),
        basis=_basis(report),
        readings=[_signed_reading(each) for each in report.readings],
        ai=_ai_result(prediction_summary(report.prediction)) if report.prediction else None,
        no_ai=_no_ai(report),
        disclaimer=_("Research use only. Not for diagnosis."),
    )


def _patient_facts(case: Case, patient: Patient | None) -> list[Fact]:
    radiograph = case.radiograph
    born = patient.birth_date if patient else None
    study_at = radiograph.study_at
    age = _age(born, study_at) if born and study_at else radiograph.age
    return [
        Fact(_("Name"), (patient.name if patient else "") or _("not recorded")),
        Fact(_("Patient ID"), case.patient_ref),
        Fact(_("Birth date"), born.isoformat() if born else _("not recorded")),
        *_present(
            Fact(_("Sex"), (patient.sex if patient else "") or radiograph.sex),
            Fact(_("Age at the study"), "" if age is None else str(age)),
        ),
    ]


def _age(born: date, study_at: datetime) -> int:
    day = timezone.localtime(study_at).date()
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _study_facts(case: Case) -> list[Fact]:
    radiograph = case.radiograph
    study_at = radiograph.study_at
    return _present(
        Fact(_("Accession number"), case.accession_number),
        Fact(_("Study"), _time(study_at) if study_at else _("date not recorded")),
        Fact(_("Received"), _time(case.opened_at)),
        Fact(_("View"), case_presenters.view_label(radiograph)),
        Fact(_("Modality"), radiograph.modality),
        Fact(_("Body part"), radiograph.body_part),
        Fact(_("Institution"), radiograph.institution),
        Fact(_("Device"), radiograph.device),
        Fact(_("Referrer"), case.referrer),
        Fact(_("Clinical question"), case.clinical_question),
        Fact(_("Site"), str(case.site)),
    )


def _present(*facts: Fact) -> list[Fact]:
    return [fact for fact in facts if fact.value]


def _basis(report: CaseReport) -> str:
    if report.disagreeing:
        text = ngettext(
            "Adjudicated after %(n)s earlier reading",
            "Adjudicated after %(n)s earlier readings",
            report.disagreeing,
        )
        return text % {"n": report.disagreeing}
    count = len(report.readings)
    return ngettext("%(n)s reading", "%(n)s readings that agree", count) % {"n": count}


def _signed_reading(reported: ReportedReading) -> SignedReading:
    earlier = [_reading_text(each) for each in reported.superseded]
    return SignedReading(_reading_text(reported.reading), earlier)


def _reading_text(reading: Reading) -> ReadingText:
    signed = _("Signed by %(reader)s, %(time)s") % {
        "reader": reading.by.get_full_name() or reading.by.username,
        "time": _time(reading.signed_at),
    }
    return ReadingText(
        finding=str(reading.get_finding_display()),
        confidence=str(reading.get_confidence_display()),
        structured=reading.structured_text,
        note=reading.note,
        signed=signed,
        amendment_reason=reading.amendment_reason,
    )


def _ai_result(summary: PredictionSummary) -> AiResult:
    override = summary.override
    return AiResult(
        heading=summary.heading,
        headline=summary.headline,
        scores=[Fact(score.label, score.text) for score in summary.scores],
        facts=_present(
            Fact(_("Model version"), summary.version),
            Fact(_("Computed"), _time(summary.finished_at) if summary.finished_at else ""),
            Fact(_("Separable"), summary.uncertainty.separable),
            Fact(_("Out of distribution"), summary.uncertainty.out_of_distribution),
        ),
        warnings=[*([override.text] if override else []), *summary.uncertainty.warnings, *_note(summary)],
        heatmap_caption=_(
            "Grad-CAM heatmap of %(finding)s: the regions that raised the score, not where disease is."
        )
        % {"finding": summary.top.label},
    )


def _note(summary: PredictionSummary) -> Iterable[str]:
    return [summary.heatmap_note] if summary.heatmap_note else []


def _no_ai(report: CaseReport) -> str:
    if report.prediction:
        return ""
    stopped = stopped_of(report.stopped)
    return (
        f"{stopped.heading}. {stopped.text}" if stopped else _("There is no AI result for this radiograph.")
    )


def _time(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M %Z}"
