"""Values and text of a finished prediction: scores, heatmaps, steps and uncertainty."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.cases.models import Prediction
from diagnostics.cases.presenters import uncertainty
from diagnostics.cases.presenters.numbers import compared_texts
from diagnostics.cases.presenters.quality import Override, override_of
from diagnostics.cases.presenters.uncertainty import Uncertainty
from diagnostics.findings import Finding
from diagnostics.registry.presenters.versions import override_text

MIN_VISIBLE_SHARE: Final = 0.05  # of the full scale; a weaker heatmap is invisible on a radiograph
STEPS: Final[dict[str, Promise]] = {
    "waited": gettext_lazy("queued"),
    "load": gettext_lazy("model loading"),
    "prepare": gettext_lazy("preprocessing"),
    "network": gettext_lazy("network"),
    "heatmap": gettext_lazy("heatmap"),
    "store": gettext_lazy("storage"),
}


@dataclass(frozen=True)
class Score:
    """The probability of one class, as a bar and as text."""

    finding: str
    label: str
    value: float
    threshold: float | None  # the operating point of the version
    text: str  # such as "0.83 (threshold 0.41)"
    bar_value: str  # share of the bar's width
    bar_threshold: str  # the same for the operating point; empty without one


@dataclass(frozen=True)
class HeatmapLink:
    """The heatmap of one class."""

    finding: str
    label: str
    caption: str  # such as "AI result (v7), heatmap: Normal 0.06 (threshold 0.50)"
    url: str
    reason: str  # why the heatmap is empty; empty text where it is not
    selected: bool  # whether it is shown first


@dataclass(frozen=True)
class Timing:
    """The duration of one step of the computation."""

    label: str
    seconds: float


@dataclass(frozen=True)
class PredictionSummary:
    """A finished prediction for a page."""

    id: uuid.UUID
    version: str
    version_id: uuid.UUID | None
    heading: str  # such as "AI result (v7)"
    headline: str  # the outcome as text, the same on pages and in the API
    caption: str  # heading and outcome in one line
    top: Score
    scores: list[Score]
    heatmaps: list[HeatmapLink]
    heatmap_note: str  # why the heatmap of the finding is empty; empty text where it is not
    steps: list[Timing]
    total_seconds: float  # from queued to finished
    finished_at: datetime | None
    attempts: int
    uncertainty: Uncertainty
    override: Override | None  # None where the quality gate did not stop the radiograph


def prediction_summary(done: Prediction) -> PredictionSummary:
    """Return a finished prediction for a page, its classes ordered by probability."""
    ordered = sorted(done.probabilities, key=lambda finding: -done.probabilities[finding])
    top, measured = score_of(done, done.finding), _with_mark(done, uncertainty.uncertainty_of(done))
    heading = _("AI result (%(version)s)") % {"version": done.version}
    heatmaps = [_heatmap_link(done, finding) for finding in ordered if finding in done.heatmaps]
    return PredictionSummary(
        id=done.pk,
        version=str(done.version),
        version_id=done.version_id,
        heading=heading,
        headline=_headline(measured, top),
        caption=f"{heading}: {_short_headline(measured, top)}",
        top=top,
        scores=[score_of(done, finding) for finding in ordered],
        heatmaps=heatmaps,
        heatmap_note=next((each.reason for each in heatmaps if each.selected), ""),
        steps=[
            Timing(str(label), done.seconds[name]) for name, label in STEPS.items() if name in done.seconds
        ],
        total_seconds=seconds_taken(done, done.queued_at),
        finished_at=done.finished_at,
        attempts=done.attempts,
        uncertainty=measured,
        override=override_of(done),
    )


def leading_score(done: Prediction) -> Score:
    """Return the score for lists: COVID-19 from its operating point on, else the most probable class."""
    return score_of(done, Finding.COVID_19 if uncertainty.flag_text(done) else done.finding)


def headline_of(done: Prediction) -> str:
    """Return the outcome of a finished prediction as text."""
    return _headline(uncertainty.uncertainty_of(done), score_of(done, done.finding))


def _with_mark(done: Prediction, measured: Uncertainty) -> Uncertainty:
    mark = gate_mark(done)
    return replace(measured, warnings=[mark, *measured.warnings]) if mark else measured


def gate_mark(done: Prediction) -> str:
    """Return the mark on every result of a version that was promoted in spite of the gate; else empty."""
    return override_text(done.version) if done.version else ""


def score_of(done: Prediction, finding: str) -> Score:
    """Return the score of one class of a prediction."""
    value, threshold = done.probabilities.get(finding, 0.0), done.operating_points.get(finding)
    return Score(
        finding=finding,
        label=finding_label(finding),
        value=value,
        threshold=threshold,
        text=_score_text(value, threshold),
        bar_value=f"{value:.4f}",
        bar_threshold="" if threshold is None else f"{threshold:.4f}",
    )


def finding_label(finding: str) -> str:
    """Return the label of a finding in the user's language."""
    return str(Finding(finding).label) if finding in Finding.values else finding


def seconds_taken(prediction: Prediction, now: datetime) -> float:
    """Return the seconds from queued to finished, or to now for an open prediction."""
    return max(0.0, ((prediction.finished_at or now) - prediction.queued_at).total_seconds())


def _headline(measured: Uncertainty, top: Score) -> str:
    return _joined(measured.headline, measured.flag) or f"{top.label} {top.text}"


def _short_headline(measured: Uncertainty, top: Score) -> str:
    return _joined(measured.short_label, measured.flag) or f"{top.label} {top.text}"


def _joined(*texts: str) -> str:
    """Return texts as sentences in one line."""
    return ". ".join(text.rstrip(".") for text in texts if text)


def _score_text(value: float, threshold: float | None) -> str:
    if threshold is None:
        return f"{value:.2f}"
    value_text, threshold_text = compared_texts(value, threshold)
    return _("%(value)s (threshold %(threshold)s)") % {"value": value_text, "threshold": threshold_text}


def _heatmap_link(done: Prediction, finding: str) -> HeatmapLink:
    score = score_of(done, finding)
    caption = _("AI result (%(version)s), heatmap: %(finding)s %(score)s")
    return HeatmapLink(
        finding=finding,
        label=score.label,
        caption=caption % {"version": done.version, "finding": score.label, "score": score.text},
        url=reverse("cases:heatmap", args=[done.case_id, finding]),
        reason=_reason_for_empty(done.heatmaps[finding]),
        selected=finding == done.finding,
    )


def _reason_for_empty(scale: dict[str, Any]) -> str:
    if scale.get("no_positive_evidence"):
        return _("No region raised this score.")
    if scale["raw_max"] < MIN_VISIBLE_SHARE * scale["reference"]:
        return _("The heatmap is nearly empty: no region stands out for this class.")
    return ""
