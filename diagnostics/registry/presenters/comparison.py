"""The comparison of a candidate with the active version, as table rows."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from diagnostics.registry.presenters import badges, metrics
from diagnostics.registry.presenters.badges import Badge
from diagnostics.registry.presenters.metrics import Json


@dataclass(frozen=True)
class DifferenceRow:
    """One metric of both versions and its difference."""

    label: str
    candidate: str
    active: str
    difference: str


@dataclass(frozen=True)
class RuleRow:
    """One rule of the promotion gate."""

    label: str
    badge: Badge
    detail: str


@dataclass(frozen=True)
class Comparison:
    """A candidate and the version that was active at its registration."""

    active: str
    radiographs: int
    patients: int
    target: str
    with_target: int
    rows: tuple[DifferenceRow, ...]
    rules: tuple[RuleRow, ...]


def comparison_of(stored: Json) -> Comparison | None:
    """Return the rows of a stored comparison; None without one."""
    if not stored:
        return None
    target = metrics.finding_label(stored["target"])
    labels = {
        "sensitivity": _("Sensitivity for %(finding)s") % {"finding": target},
        "auroc": _("AUROC for %(finding)s") % {"finding": target},
        "accuracy": _("Accuracy"),
        "calibration_error": _("Calibration error (lower is better)"),
    }
    return Comparison(
        active=stored["active"],
        radiographs=stored["radiographs"],
        patients=stored["patients"],
        target=target,
        with_target=stored["with_target"],
        rows=tuple(
            _difference(labels[name], stored[name], n=_measured(name, stored))
            for name in labels
            if name in stored
        ),
        rules=tuple(_rule(rule, radiographs=stored["radiographs"]) for rule in stored["rules"]),
    )


def rule_label(name: str) -> str:
    """Return the text of a rule of the promotion gate; an unknown rule keeps its name."""
    labels = {
        "sensitivity": _("Sensitivity"),
        "accuracy": _("Accuracy (McNemar's test)"),
        "AUROC": _("AUROC (DeLong's test)"),
        "calibration": _("Calibration error"),
        "subgroups": _("Sensitivity in each subgroup"),
        "counts": _("Radiographs of each class"),
        "comparison": _("Comparison with the active version"),
        "active version": _("Compared with the version that is active now"),
        "findings": _("Recognises every finding of the active version"),
        "data": _("Data checks A1 to A4"),
        "conformal": _("Coverage of the prediction sets (E2)"),
        "reproduction": _("Served probabilities equal the reference"),
        "shortcuts": _("Shortcut checks not worse than those of the active version"),
    }
    return labels.get(name, name)


def _measured(name: str, stored: Json) -> int:
    """Return the number of radiographs on which the interval of a metric depends."""
    everything, with_target = int(stored["radiographs"]), int(stored["with_target"])
    smaller = {"sensitivity": with_target, "auroc": min(with_target, everything - with_target)}
    return smaller.get(name, everything)


def _difference(label: str, row: Json, *, n: int) -> DifferenceRow:
    candidate, active = metrics.number(row["candidate"]), metrics.number(row["active"])
    if row["difference"] is None:
        return DifferenceRow(label, candidate, active, "-")
    difference = f"{row['difference']:+.3f}"
    if n < metrics.MIN_TEST_RADIOGRAPHS:
        return DifferenceRow(label, candidate, active, f"{difference} (n = {n})")
    interval = "" if row["low"] is None else f" [{row['low']:+.3f}, {row['high']:+.3f}]"
    return DifferenceRow(label, candidate, active, f"{difference}{interval}")


def _rule(rule: Json, *, radiographs: int) -> RuleRow:
    name, outcome = str(rule["name"]), str(rule["outcome"])
    # Earlier releases stored "kept" on any number of radiographs.
    too_few = (
        outcome == "kept" and name in {"accuracy", "AUROC"} and radiographs < metrics.MIN_TEST_RADIOGRAPHS
    )
    badge = badges.rule_badge("undecided" if too_few else outcome)
    return RuleRow(rule_label(name), badge, rule["detail"])
