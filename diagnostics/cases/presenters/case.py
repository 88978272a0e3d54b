"""What the pages say of a case: references, scores and times in words, without a database."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.presenters import uncertainty
from diagnostics.cases.presenters.uncertainty import Uncertainty
from diagnostics.findings import Finding
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus

SHOWN_OF_REFERENCE: Final = 3  # last characters
MINUTE: Final = 60  # seconds
FAINT: Final = 0.05  # of full heat; less cannot be seen on a radiograph
STEPS: Final[dict[str, Promise]] = {
    "waited": gettext_lazy("waited"),
    "load": gettext_lazy("model loaded"),
    "prepare": gettext_lazy("radiograph prepared"),
    "network": gettext_lazy("network"),
    "heatmap": gettext_lazy("heatmap"),
    "store": gettext_lazy("stored"),
}


@dataclass(frozen=True)
class Score:
    """One class of an answer, as a bar and in words."""

    finding: str
    label: str
    value: float
    threshold: float | None  # the operating point of the version that answered
    words: str


@dataclass(frozen=True)
class HeatmapLink:
    """One class whose map may be laid over the radiograph."""

    finding: str
    label: str
    url: str
    reason: str  # why there is nothing to see, or empty


@dataclass(frozen=True)
class Timing:
    """One step of the work and how long it took."""

    label: str
    seconds: float


@dataclass(frozen=True)
class PredictionSummary:
    """What the machine says of a radiograph, ready for the page."""

    id: uuid.UUID
    version: str
    version_id: uuid.UUID | None
    top: Score
    scores: list[Score]
    heats: list[HeatmapLink]
    steps: list[Timing]
    taken: float  # seconds from received to done
    finished_at: datetime | None
    attempts: int
    uncertainty: Uncertainty


@dataclass(frozen=True)
class JobSummary:
    """How far the machine is with a radiograph."""

    status: str
    words: str
    elapsed: float  # seconds
    elapsed_words: str
    is_open: bool
    failure_code: str
    failure_text: str


@dataclass(frozen=True)
class CaseRow:
    """One line of the list of cases."""

    case: Case
    number: str
    patient: str
    status: str
    words: str
    top: Score | None
    uncertainty: Uncertainty | None


def case_row(case: Case, latest: Prediction | None, *, withheld: bool = False) -> CaseRow:
    """Put a case on one line, without what the machine said where that is withheld."""
    done = latest if latest and latest.status == JobStatus.DONE and not withheld else None
    return CaseRow(
        case=case,
        number=short_number(case),
        patient=masked_reference(case.patient_ref),
        status=latest.status if latest else "",
        words=str(latest.get_status_display()) if latest else "",
        top=_score_of(done, done.finding) if done else None,
        uncertainty=uncertainty.uncertainty_of(done) if done else None,
    )


def short_number(case: Case) -> str:
    """Name a case by its accession number, or by the beginning of its id where it has none."""
    return case.accession_number or str(case.pk)[:8]


def masked_reference(reference: str) -> str:
    """Hide a patient reference but for its last characters."""
    shown = reference[-SHOWN_OF_REFERENCE:] if len(reference) > SHOWN_OF_REFERENCE else ""
    return "****" + shown


def job_summary(latest: Prediction | None, now: datetime) -> JobSummary | None:
    """Say how far the machine is, and for how long."""
    if latest is None:
        return None
    elapsed = _seconds_taken(latest, now)
    return JobSummary(
        status=latest.status,
        words=_what_happens(latest),
        elapsed=elapsed,
        elapsed_words=_duration(elapsed),
        is_open=latest.status in OPEN_STATUSES,
        failure_code=latest.failure_code,
        failure_text=latest.failure_text,
    )


def prediction_summary(done: Prediction) -> PredictionSummary:
    """Put an answer in words, bars and steps."""
    by_value = sorted(done.probabilities, key=lambda finding: -done.probabilities[finding])
    return PredictionSummary(
        id=done.pk,
        version=str(done.version),
        version_id=done.version_id,
        top=_score_of(done, done.finding),
        scores=[_score_of(done, finding) for finding in by_value],
        heats=[_heat_of(done, finding) for finding in by_value if finding in done.heat],
        steps=[
            Timing(str(words), done.seconds[name]) for name, words in STEPS.items() if name in done.seconds
        ],
        taken=_seconds_taken(done, done.queued_at),
        finished_at=done.finished_at,
        attempts=done.attempts,
        uncertainty=uncertainty.uncertainty_of(done),
    )


def finding_label(finding: str) -> str:
    """Put a finding in the reader's language."""
    return str(Finding(finding).label) if finding in Finding.values else finding


def _what_happens(latest: Prediction) -> str:
    if latest.status == JobStatus.QUEUED and latest.attempts:
        return _("The worker stopped; the radiograph waits for its next attempt.")
    if latest.status == JobStatus.QUEUED:
        return _("The radiograph waits for the machine.")
    if latest.status == JobStatus.RUNNING:
        return _("The machine looks at the radiograph.")
    return ""


def _seconds_taken(work: Prediction, now: datetime) -> float:
    return max(0.0, ((work.finished_at or now) - work.queued_at).total_seconds())


def _duration(seconds: float) -> str:
    if seconds < 2 * MINUTE:
        return _("%d s") % seconds
    return _("%d min") % (seconds // MINUTE)


def _score_of(done: Prediction, finding: str) -> Score:
    value, threshold = done.probabilities.get(finding, 0.0), done.operating_points.get(finding)
    return Score(finding, finding_label(finding), value, threshold, _in_words(value, threshold))


def _heat_of(done: Prediction, finding: str) -> HeatmapLink:
    url = reverse("cases:heat", args=[done.case_id, finding])
    return HeatmapLink(finding, finding_label(finding), url, _why_empty(done.heat[finding]))


def _why_empty(heat: dict[str, Any]) -> str:
    if heat.get("no_positive_evidence"):
        return _("No region raised this score.")
    if heat["raw_max"] < FAINT * heat["reference"]:
        return _("Hardly any heat: no region stands out for this class.")
    return ""


def _in_words(value: float, threshold: float | None) -> str:
    if threshold is None:
        return f"{value:.2f}"
    # Two figures that look the same must not be called above or below one another.
    digits = 2 if f"{value:.2f}" != f"{threshold:.2f}" else 3
    words = _("%(value)s, above %(threshold)s") if value >= threshold else _("%(value)s, below %(threshold)s")
    return words % {"value": f"{value:.{digits}f}", "threshold": f"{threshold:.{digits}f}"}
