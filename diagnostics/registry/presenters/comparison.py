"""A stored comparison of two versions, made ready to be shown."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from diagnostics.registry.presenters import metrics
from diagnostics.registry.presenters.metrics import Json


@dataclass(frozen=True)
class DifferenceRow:
    """One figure of both versions and their difference."""

    label: str
    candidate: str
    active: str
    difference: str


@dataclass(frozen=True)
class RuleRow:
    """One rule of the gate."""

    label: str
    outcome: str  # kept, broken, undecided
    words: str
    detail: str


@dataclass(frozen=True)
class Comparison:
    """A candidate beside the version then in force."""

    active: str
    radiographs: int
    patients: int
    target: str
    with_target: int
    rows: tuple[DifferenceRow, ...]
    rules: tuple[RuleRow, ...]


def comparison_of(stored: Json) -> Comparison | None:
    """Arrange a stored comparison; None where there is none."""
    if not stored:
        return None
    target = metrics.finding_words(stored["target"])
    labels = {
        "sensitivity": _("Sensitivity for %(finding)s") % {"finding": target},
        "auroc": _("AUROC for %(finding)s") % {"finding": target},
        "accuracy": _("Accuracy"),
        "calibration_error": _("Calibration error (less is better)"),
    }
    return Comparison(
        active=stored["active"],
        radiographs=stored["radiographs"],
        patients=stored["patients"],
        target=target,
        with_target=stored["with_target"],
        rows=tuple(_difference(labels[name], stored[name]) for name in labels if name in stored),
        rules=tuple(_rule(rule) for rule in stored["rules"]),
    )


def _difference(label: str, row: Json) -> DifferenceRow:
    if row["difference"] is None:
        return DifferenceRow(label, metrics.number(row["candidate"]), metrics.number(row["active"]), "-")
    interval = "" if row["low"] is None else f" [{row['low']:+.3f}, {row['high']:+.3f}]"
    difference = f"{row['difference']:+.3f}{interval}"
    return DifferenceRow(label, metrics.number(row["candidate"]), metrics.number(row["active"]), difference)


def _rule(rule: Json) -> RuleRow:
    words = {"kept": _("kept"), "broken": _("broken"), "undecided": _("too few radiographs to tell")}
    labels = {
        "sensitivity": _("Sensitivity"),
        "right or wrong": _("Right or wrong"),
        "findings": _("Knows every finding of the version in force"),
    }
    name, outcome = str(rule["name"]), str(rule["outcome"])
    return RuleRow(labels.get(name, name), outcome, words.get(outcome, outcome), rule["detail"])
