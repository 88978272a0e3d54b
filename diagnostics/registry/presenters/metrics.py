"""Properties and test results of a model version, from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from diagnostics.findings import Finding

MIN_TEST_RADIOGRAPHS: Final = 30  # below this number no metric is shown in a summary

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Fact:
    """A label and its value."""

    label: str
    value: str


@dataclass(frozen=True)
class ClassRow:
    """The test results for one finding."""

    label: str
    radiographs: int
    patients: int
    auroc: str
    sensitivity: str
    specificity: str


@dataclass(frozen=True)
class Metrics:
    """The results of a version on one set of radiographs."""

    title: str
    radiographs: int
    patients: int
    accuracy: str
    rows: tuple[ClassRow, ...]


def finding_label(label: str) -> str:
    """Return the display name of a class; an unknown class keeps its own name."""
    return str(Finding(label).label) if label in Finding.values else label


def properties(manifest: Json) -> tuple[Fact, ...]:
    """Return the architecture, origin and checksums of a network."""
    architecture, preprocessing = manifest["architecture"], manifest["preprocessing"]
    size = architecture["size"]
    return (
        Fact(_("Network"), architecture["family"]),
        Fact(_("Findings"), ", ".join(map(finding_label, architecture["classes"]))),
        Fact(_("Input"), _("%(size)d x %(size)d pixels") % {"size": size}),
        Fact(_("Preprocessing"), f"{preprocessing['geometry']}, {preprocessing['scale']}"),
        Fact(_("Created"), _timestamp(manifest.get("created_at", ""))),
        Fact(_("Fine-tuned from"), manifest.get("parent") or _("none (trained from scratch)")),
        Fact(_("Calibration temperature"), number(manifest.get("temperature"))),
        Fact(_("Weights (SHA-256)"), manifest.get("weights_sha256", "")),
        Fact(_("Libraries"), ", ".join(f"{k} {v}" for k, v in manifest.get("libraries", {}).items())),
    )


def operating_points(manifest: Json, deployed: Json | None = None) -> tuple[Fact, ...]:
    """Return the probability from which each finding is flagged, by the deployment if there is one."""
    points = _in_display_order(deployed or manifest["operating_points"])
    return tuple(Fact(finding_label(label), number(value, 2)) for label, value in points)


def prediction_set_limits(manifest: Json) -> tuple[Fact, ...]:
    """Return from which probability a prediction set includes a finding, and the score of 95 % accuracy."""
    limits = [
        Fact(_("%(finding)s is not excluded") % {"finding": finding_label(label)}, _inclusion_limit(limit))
        for label, limit in _in_display_order(manifest.get("conformal") or {})
    ]
    return (*limits, Fact(_("At least 95 % correct"), _abstention(manifest)))


def out_of_distribution_limits(manifest: Json) -> tuple[Fact, ...]:
    """Return the limits beyond which a radiograph is out of distribution; empty if not measured."""
    stored: Json | None = manifest.get("out_of_distribution")
    if not stored:
        return ()
    counts = {"n": stored["reference_radiographs"], "m": stored["calibration_radiographs"]}
    references = {
        "training set": _("%(n)d radiographs of the training set; limits calibrated on %(m)d others"),
        "validation set": _("%(n)d radiographs of the validation set; limits calibrated on %(m)d others"),
    }
    return (
        Fact(_("Reference"), references.get(stored["source"], "") % counts),
        Fact(_("Distance to the nearest radiographs"), _("at most %s") % number(stored["knn"])),
        Fact(_("Mahalanobis distance to a class"), _("at most %s") % number(stored["mahalanobis"], 2)),
        Fact(_("Energy score"), _("at most %s") % number(stored["energy"], 2)),
    )


def evaluation_results(manifest: Json) -> tuple[Metrics, ...]:
    """Return the results on each set of radiographs that the version was evaluated on."""
    stored: Json = manifest.get("metrics") or {}
    titles = {"test": _("Test set")}
    if "per_class" in stored:
        return (_metrics("", stored),)
    return tuple(
        _metrics(titles.get(name, name.replace("_", " ").replace("-", " ").capitalize()), part)
        for name, part in stored.items()
        if isinstance(part, dict) and "per_class" in part
    )


def performance(manifest: Json) -> str:
    """Return the first test result in one line, without a metric when there are too few radiographs."""
    results = evaluation_results(manifest)
    if not results or not results[0].rows:
        return _("not evaluated")
    first = results[0].rows[0]
    values = {"finding": first.label, "auroc": first.auroc, "n": results[0].radiographs}
    if results[0].radiographs < MIN_TEST_RADIOGRAPHS:
        return _("%(finding)s: too few test radiographs, n=%(n)d") % values
    return _("%(finding)s: AUROC %(auroc)s, n=%(n)d") % values


def training_set_size(manifest: Json) -> int:
    """Return the number of radiographs in the training set."""
    counts = ((manifest.get("training") or {}).get("counts") or {}).get("train") or {}
    return sum(count["cases"] for count in counts.values() if isinstance(count, dict))


def number(value: float | None, places: int = 3) -> str:
    """Return a number as text, or a dash for None."""
    return "-" if value is None else f"{value:.{places}f}"


def with_interval(estimate: Json | None, *, n: int | None = None) -> str:
    """Return an estimate with its 95 % confidence interval, or with n below 30 radiographs.

    `n` replaces the estimate's own number where its interval depends on fewer radiographs.
    """
    if not estimate or estimate.get("value") is None:
        return "-"
    value, low, high = number(estimate["value"]), estimate.get("low"), estimate.get("high")
    measured = estimate.get("n", 0) if n is None else n
    if measured < MIN_TEST_RADIOGRAPHS:
        return f"{value} (n = {measured})"
    return value if low is None else f"{value} [{low:.2f}, {high:.2f}]"


def _metrics(title: str, part: Json) -> Metrics:
    return Metrics(
        title=title,
        radiographs=part.get("radiographs", 0),
        patients=part.get("patients", 0),
        accuracy=with_interval(part.get("accuracy")),
        rows=tuple(
            _class_row(label, row, part.get("radiographs", 0))
            for label, row in _in_display_order(part["per_class"])
            if row.get("radiographs")
        ),
    )


def _class_row(label: str, row: Json, total: int) -> ClassRow:
    with_finding = row.get("radiographs", 0)
    return ClassRow(
        label=finding_label(label),
        radiographs=row.get("radiographs", 0),
        patients=row.get("patients", 0),
        auroc=with_interval(row.get("auroc"), n=min(with_finding, total - with_finding)),
        sensitivity=with_interval(row.get("flag_sensitivity")),
        specificity=with_interval(row.get("flag_specificity")),
    )


def _in_display_order(by_class: Json) -> list[tuple[str, Any]]:
    """Sort classes in the order of Finding, which stored JSON does not keep."""
    order = {value: position for position, value in enumerate(Finding.values)}
    return sorted(by_class.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))


def _inclusion_limit(limit: float) -> str:
    if limit >= 1:
        return _("always: too few radiographs to exclude it")
    return _("from a probability of %s") % number(1 - limit, 2)


def _abstention(manifest: Json) -> str:
    counts = ((manifest.get("training") or {}).get("counts") or {}).get("validation")
    radiographs = sum(count["cases"] for count in counts.values()) if counts else None
    if radiographs is not None and radiographs < MIN_TEST_RADIOGRAPHS:
        return _("too few radiographs of the validation set, n=%(n)d") % {"n": radiographs}
    return _score_limit(manifest.get("abstention"))


def _score_limit(threshold: float | None) -> str:
    if threshold is None:
        return _("not measured")
    return _("at no score") if threshold >= 1 else _("from a score of %s") % number(threshold, 2)


def _timestamp(text: str) -> str:
    try:
        at = parse_datetime(text)
    except ValueError:
        return text
    return f"{at:%Y-%m-%d %H:%M %Z}" if at else text
