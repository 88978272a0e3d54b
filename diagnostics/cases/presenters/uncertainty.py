"""What an answer of the machine is worth, in words, without a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.cases.models import Prediction, PredictionOutcome
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
SIGNS: Final[dict[str, Promise]] = {
    "small": gettext_lazy("The picture is small: fewer than 256 pixels on its shorter side."),
    "long": gettext_lazy("The picture is more than twice as long as it is wide, or the other way round."),
    "flat": gettext_lazy("The picture has hardly any contrast."),
    "coloured": gettext_lazy("The file has colours: this may be no plain X-ray radiograph."),
    "inverted": gettext_lazy("The corners are brighter than the spine: the radiograph may be inverted."),
}
MEASURES: Final[dict[str, Promise]] = {
    "knn": gettext_lazy("Distance to the radiographs it learnt from"),
    "mahalanobis": gettext_lazy("Distance to the middle of a class"),
    "energy": gettext_lazy("Energy of the scores"),
}


@dataclass(frozen=True)
class Measure:
    """One measure of how unlike a radiograph is, beside its limit."""

    label: str
    value: float
    limit: float
    exceeded: bool


@dataclass(frozen=True)
class Uncertainty:
    """What an answer is worth, ready for the page."""

    kind: str  # of AnswerKind; empty where the version was not asked
    words: str  # the whole sentence; empty where there is nothing to say but the score
    chip: str  # the same in two words, for a list and a corner; empty for a plain finding
    separable: str
    unlike: str
    doubts: list[str]
    measures: list[Measure]


def uncertainty_of(done: Prediction) -> Uncertainty:
    """Say what a finished prediction is worth."""
    unlike = done.outcome == PredictionOutcome.OUT_OF_DISTRIBUTION
    measured = bool(done.candidates) or unlike
    words, chip = _said(done) if measured else ("", "")
    measures = [
        Measure(str(MEASURES[name]), each["value"], each["limit"], not each["value"] <= each["limit"])
        for name, each in done.out_of_distribution.items()
        if name in MEASURES
    ]
    return Uncertainty(
        kind=done.outcome,
        words=words,
        chip=chip,
        separable=_yes_or_no(done.candidates == [done.finding]) if measured else _("not measured"),
        unlike=_yes_or_no(unlike) if measures or unlike else _("not measured"),
        doubts=[*_doubt(done), *(str(SIGNS[sign]) for sign in done.quality_flags if sign in SIGNS)],
        measures=measures,
    )


def _said(done: Prediction) -> tuple[str, str]:
    if done.outcome == PredictionOutcome.OUT_OF_DISTRIBUTION:
        words = _("Unlike the radiographs this version learnt from: do not rely on the score")
        return words, _("Unlike its radiographs")
    if done.outcome == PredictionOutcome.INDETERMINATE:
        return _not_separated(done), _("Cannot separate")
    return str(PATTERNS.get(done.finding, done.get_finding_display())), ""


def _not_separated(done: Prediction) -> str:
    # A single candidate that is not the likeliest class cannot be told from that one.
    named = dict.fromkeys([*done.candidates, done.finding])
    ordered = sorted(named, key=lambda label: -done.probabilities.get(label, 0.0))
    first, *rest = [str(NAMES.get(label, label)) for label in ordered]
    if len(rest) == 1:
        return _("Cannot separate %(first)s from %(second)s") % {"first": first, "second": rest[0]}
    listed = ", ".join([first, *rest[:-1]])
    return _("Cannot separate %(listed)s and %(last)s") % {"listed": listed, "last": rest[-1]}


def _doubt(done: Prediction) -> list[str]:
    highest = max(done.probabilities.values(), default=0.0)
    if (
        done.outcome == PredictionOutcome.OUT_OF_DISTRIBUTION
        or done.abstention is None
        or highest >= done.abstention
    ):
        return []
    if done.abstention >= 1:
        return [_("At no score was this version right 19 times in 20.")]
    words = _("Only from a score of %(limit)s on was this version right 19 times in 20.")
    return [words % {"limit": f"{done.abstention:.2f}"}]


def _yes_or_no(yes: bool) -> str:
    return _("yes") if yes else _("no")
