"""ROC, reliability and confusion of a version beside the active one: positions in an SVG, and cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from diagnostics.registry import policy
from diagnostics.registry.presenters.metrics import MIN_TEST_RADIOGRAPHS, Json, finding_label

LEFT, TOP, SIDE = 30.0, 6.0, 200.0  # of the square in the SVG
SHADES: Final = 5  # background tones of a confusion matrix
Point = tuple[float, float]


@dataclass(frozen=True)
class Evaluated:
    """A version's name, its tone (candidate or active) and its stored evaluation."""

    name: str
    tone: str
    evaluation: Json


@dataclass(frozen=True)
class Series:
    """The curve of one version in pixels; the band, bars and dots may be empty."""

    tone: str
    label: str
    line: str
    band: str
    bars: str
    dots: tuple[Point, ...]


@dataclass(frozen=True)
class Chart:
    """A square chart from 0 to 1 on both axes; `note` says what is missing."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    note: str


@dataclass(frozen=True)
class Cell:
    """A count of the confusion matrix, that of the other version, and the shade of its share."""

    count: int
    other: str
    shade: int


@dataclass(frozen=True)
class MatrixRow:
    """The predictions for the radiographs of one label."""

    label: str
    radiographs: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix of one version, with the counts of another version on the same radiographs."""

    findings: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    other: str


def evaluated(name: str, manifest: Json, comparison: Json, *, is_active: bool) -> tuple[Evaluated, ...]:
    """Return a version's evaluation and that of the version that was active at its registration."""
    stored = policy.first_evaluation(manifest)
    if stored is None:
        return ()
    own, other = ("active", "candidate") if is_active else ("candidate", "active")
    versions = [Evaluated(name, own, stored)]
    if comparison:
        compared = comparison.get("active_evaluation") or {}
        versions.append(Evaluated(str(comparison["active"]), other, compared))
    return tuple(versions)


def roc_chart(versions: Sequence[Evaluated]) -> Chart:
    """Return the ROC curves with their intervals and operating points."""
    return Chart(
        _("ROC"),
        _("1 - specificity"),
        _("sensitivity"),
        tuple(_roc(version) for version in versions if _curves(version).get("roc")),
        _missing(versions, "roc"),
    )


def reliability_chart(versions: Sequence[Evaluated]) -> Chart:
    """Return observed frequency by predicted probability, with intervals."""
    return Chart(
        _("Reliability"),
        _("predicted probability"),
        _("observed frequency"),
        tuple(_reliability(version) for version in versions if _curves(version).get("reliability")),
        _missing(versions, "reliability"),
    )


def confusion_matrix(versions: Sequence[Evaluated]) -> Confusion | None:
    """Return the confusion matrix of the first version; None if it is not stored."""
    stored = versions[0].evaluation if versions else {}
    if not stored.get("confusion"):
        return None
    other = versions[1] if len(versions) > 1 else None
    counts = _counts(other.evaluation) if other else {}
    labels = stored["labels"]
    return Confusion(
        findings=tuple(map(finding_label, labels)),
        rows=tuple(
            _matrix_row(label, labels, line, counts)
            for label, line in zip(labels, stored["confusion"], strict=True)
        ),
        other=other.name if counts and other else "",
    )


def _matrix_row(
    label: str, labels: Sequence[str], line: Sequence[int], others: dict[tuple[str, str], int]
) -> MatrixRow:
    total = sum(line)
    cells = (
        Cell(
            count,
            str(others.get((label, column), 0)) if others else "",
            round(SHADES * count / total) if total else 0,
        )
        for column, count in zip(labels, line, strict=True)
    )
    return MatrixRow(finding_label(label), total, tuple(cells))


def _counts(evaluation: Json) -> dict[tuple[str, str], int]:
    labels = evaluation.get("labels", ())
    return {
        (row, column): count
        for row, line in zip(labels, evaluation.get("confusion", ()), strict=True)
        for column, count in zip(labels, line, strict=True)
    }


def _roc(version: Evaluated) -> Series:
    points = _curves(version)["roc"]
    target = version.evaluation["per_class"][_curves(version)["target"]]
    bounded = [point for point in points if point["low"] is not None]
    upper = [pixel(point["fpr"], point["high"]) for point in bounded]
    lower = [pixel(point["fpr"], point["low"]) for point in reversed(bounded)]
    sensitivity, specificity = target["flag_sensitivity"], target["flag_specificity"]
    return Series(
        version.tone,
        _series_label(version),
        _path([pixel(point["fpr"], point["sensitivity"]) for point in points]),
        _path([*upper, *lower], closed=True),
        _cross(sensitivity, specificity),
        (pixel(1 - specificity["value"], sensitivity["value"]),),
    )


def _cross(sensitivity: Json, specificity: Json) -> str:
    """Return the intervals of an operating point; empty where one has too few radiographs."""
    if min(sensitivity["n"], specificity["n"]) < MIN_TEST_RADIOGRAPHS:
        return ""
    x, y = 1 - specificity["value"], sensitivity["value"]
    across = _path([pixel(1 - specificity["high"], y), pixel(1 - specificity["low"], y)])
    return across + _path([pixel(x, sensitivity["low"]), pixel(x, sensitivity["high"])])


def _reliability(version: Evaluated) -> Series:
    bins = _curves(version)["reliability"]
    points = tuple(pixel(each["predicted"], each["observed"]) for each in bins)
    bars = (
        _path([pixel(each["predicted"], each["low"]), pixel(each["predicted"], each["high"])])
        for each in bins
        if each["n"] >= MIN_TEST_RADIOGRAPHS
    )
    return Series(version.tone, _series_label(version), _path(points), "", "".join(bars), points)


def _series_label(version: Evaluated) -> str:
    return f"{version.name}, n = {version.evaluation['radiographs']}"


def _missing(versions: Sequence[Evaluated], name: str) -> str:
    """Return a sentence about the versions without a curve; empty if each has one."""
    without = [version for version in versions if not _curves(version).get(name)]
    if not without:
        return "" if versions else _("Not stored for this version.")
    names = ", ".join(version.name for version in without)
    if all("curves" in version.evaluation for version in without):
        return _("%(versions)s: too few radiographs for this curve.") % {"versions": names}
    return _("%(versions)s: not stored for this version.") % {"versions": names}


def _curves(version: Evaluated) -> Json:
    curves: Json = version.evaluation.get("curves") or {}
    return curves


def pixel(x: float, y: float) -> Point:
    """Return the position of a point of the unit square in the SVG."""
    return round(LEFT + SIDE * x, 1), round(TOP + SIDE * (1 - y), 1)


def _path(points: Sequence[Point], *, closed: bool = False) -> str:
    if not points:
        return ""
    return "M" + "L".join(f"{x} {y}" for x, y in points) + ("Z" if closed else "")
