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
        rows=tuple(_difference(labels[name], stored[name]) for name in labels if name in stored),
        rules=tuple(_rule(rule) for rule in stored["rules"]),
    )


def _difference(label: str, row: Json) -> DifferenceRow:
    candidate, active = metrics.number(row["candidate"]), metrics.number(row["active"])
    if row["difference"] is None:
        return DifferenceRow(label, candidate, active, "-")
    interval = "" if row["low"] is None else f" [{row['low']:+.3f}, {row['high']:+.3f}]"
    return DifferenceRow(label, candidate, active, f"{row['difference']:+.3f}{interval}")


def _rule(rule: Json) -> RuleRow:
    labels = {
        "sensitivity": _("Sensitivity"),
        "accuracy": _("Accuracy (McNemar's test)"),
        "AUROC": _("AUROC (DeLong's test)"),
        "findings": _("Recognises every finding of the active version"),
    }
    name = str(rule["name"])
    return RuleRow(labels.get(name, name), badges.rule_badge(str(rule["outcome"])), rule["detail"])
