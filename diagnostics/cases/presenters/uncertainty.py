"""Text of the uncertainty of a prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.cases.models import Prediction, PredictionOutcome
from diagnostics.cases.presenters.numbers import compared_texts
from diagnostics.findings import Finding

PATTERNS: Final[dict[str, Promise]] = {
    Finding.COVID_19: gettext_lazy("COVID-19 pattern"),
    Finding.PNEUMONIA: gettext_lazy("Pneumonia pattern, other"),
    Finding.NORMAL: gettext_lazy("Normal pattern"),
    Finding.OTHER: gettext_lazy("Another abnormal pattern"),
}
NAMES: Final[dict[str, Promise]] = {  # within a sentence
    Finding.COVID_19: gettext_lazy("COVID-19"),
    Finding.PNEUMONIA: gettext_lazy("pneumonia"),
    Finding.NORMAL: gettext_lazy("normal"),
    Finding.OTHER: gettext_lazy("another abnormality"),
}
QUALITY_TEXTS: Final[dict[str, Promise]] = {
    "small": gettext_lazy("The image is small: fewer than 256 pixels on its shorter side."),
    "long": gettext_lazy("One side of the image is more than twice as long as the other."),
    "flat": gettext_lazy("The image has very low contrast."),
    "coloured": gettext_lazy("The file has colours: it may not be a plain radiograph."),
    "clipped": gettext_lazy("Large parts of the image are pure white: bright structures may be cut off."),
    "collimated": gettext_lazy("A large black border surrounds the image: it may show a part of the chest."),
    "text": gettext_lazy("The image contains much text or marking, which may mislead the model."),
    "inverted": gettext_lazy("The corners are brighter than the spine: the greys may be inverted."),
}
MEASURES: Final[dict[str, Promise]] = {
    "knn": gettext_lazy("Distance to the nearest training radiographs"),
    "mahalanobis": gettext_lazy("Distance to the centre of the nearest class"),
    "energy": gettext_lazy("Energy of the logits"),
}


@dataclass(frozen=True)
class Measure:
    """One out-of-distribution measure and its limit."""

    label: str
    value: str
    limit: str
    exceeded: bool


@dataclass(frozen=True)
class Uncertainty:
    """The uncertainty of a prediction as text."""

    kind: str  # a PredictionOutcome; empty where the version has no such thresholds
    headline: str  # the outcome in one sentence; empty where only the score is known, or the flag says more
    flag: str  # that COVID-19 is above its operating point though less probable; empty otherwise
    short_label: str  # the outcome in two or three words, for lists; empty for one finding
    separable: str
    out_of_distribution: str
    warnings: list[str]
    measures: list[Measure]


def uncertainty_of(done: Prediction) -> Uncertainty:
    """Return the uncertainty of a finished prediction."""
    is_ood = done.outcome == PredictionOutcome.OUT_OF_DISTRIBUTION
    is_measured = bool(done.candidates) or is_ood
    headline, short_label = _outcome_texts(done) if is_measured else ("", "")
    flag = flag_text(done)
    measures = [
        _measure(str(MEASURES[name]), each["value"], each["limit"])
        for name, each in done.out_of_distribution.items()
        if name in MEASURES
    ]
    flags = [str(QUALITY_TEXTS[flag]) for flag in done.quality_flags if flag in QUALITY_TEXTS]
    return Uncertainty(
        kind=done.outcome,
        headline="" if flag and not short_label else headline,
        flag=flag,
        short_label=short_label,
        separable=_yes_or_no(done.candidates == [done.finding]) if is_measured else _("not measured"),
        out_of_distribution=_yes_or_no(is_ood) if measures or is_ood else _("not measured"),
        warnings=[*_low_score_warning(done), *flags],
        measures=measures,
    )


def flag_text(done: Prediction) -> str:
    """Return that COVID-19 is at or above its operating point while another class is more probable."""
    value = done.probabilities.get(Finding.COVID_19)
    threshold = done.operating_points.get(Finding.COVID_19)
    if value is None or threshold is None or value < threshold or done.finding == Finding.COVID_19:
        return ""
    at_threshold = _(
        "COVID-19 %(value)s at the threshold %(threshold)s; most probable: %(finding)s %(highest)s"
    )
    above_threshold = _(
        "COVID-19 %(value)s above the threshold %(threshold)s; most probable: %(finding)s %(highest)s"
    )
    value_text, threshold_text = compared_texts(value, threshold)
    return (at_threshold if value == threshold else above_threshold) % {
        "value": value_text,
        "threshold": threshold_text,
        "finding": done.get_finding_display(),
        "highest": f"{done.probabilities.get(done.finding, 0.0):.2f}",
    }


def _measure(label: str, value: float, limit: float) -> Measure:
    value_text, limit_text = compared_texts(value, limit)
    return Measure(label, value_text, limit_text, exceeded=not value <= limit)


def _outcome_texts(done: Prediction) -> tuple[str, str]:
    if done.outcome == PredictionOutcome.OUT_OF_DISTRIBUTION:
        headline = _("Out of distribution: unlike the training radiographs. Do not rely on the score.")
        return headline, _("Out of distribution")
    if done.outcome == PredictionOutcome.INDETERMINATE:
        return _indeterminate(done), _("Indeterminate")
    return str(PATTERNS.get(done.finding, done.get_finding_display())), ""


def _indeterminate(done: Prediction) -> str:
    # A single candidate that is not the likeliest class cannot be separated from that class.
    classes = dict.fromkeys([*done.candidates, done.finding])
    ordered = sorted(classes, key=lambda label: -done.probabilities.get(label, 0.0))
    first, *rest = [str(NAMES.get(label, label)) for label in ordered]
    if len(rest) == 1:
        text = _("Indeterminate: cannot separate %(first)s from %(second)s")
        return text % {"first": first, "second": rest[0]}
    text = _("Indeterminate: cannot separate %(listed)s and %(last)s")
    return text % {"listed": ", ".join([first, *rest[:-1]]), "last": rest[-1]}


def _low_score_warning(done: Prediction) -> list[str]:
    highest = max(done.probabilities.values(), default=0.0)
    is_ood = done.outcome == PredictionOutcome.OUT_OF_DISTRIBUTION
    if is_ood or done.abstention is None or highest >= done.abstention:
        return []
    if done.abstention >= 1:
        return [_("This version reached 95% accuracy at no probability.")]
    text = _("Low probability: this version reached 95%% accuracy only from %(limit)s upwards.")
    return [text % {"limit": compared_texts(highest, done.abstention)[1]}]


def _yes_or_no(value: bool) -> str:
    return _("yes") if value else _("no")
