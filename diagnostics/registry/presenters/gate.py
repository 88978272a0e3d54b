"""The promotion gate for pages and the API: rules with their figures, and what an override acknowledges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from diagnostics.registry.presenters import badges
from diagnostics.registry.presenters.badges import Badge
from diagnostics.registry.presenters.comparison import rule_label
from diagnostics.registry.presenters.metrics import MIN_TEST_RADIOGRAPHS
from diagnostics.registry.presenters.trust import with_site_names
from diagnostics.registry.promotion_gate import MISSING_REPORT, Gate, GateRule
from diagnostics.registry.trust_report import StoredCheck

SMALL = 0.0005  # shown with one digit, because three decimals would make it 0


@dataclass(frozen=True)
class GateRow:
    """One rule as cells of a table."""

    label: str
    badge: Badge
    value: str
    interval: str
    threshold: str
    n: str
    detail: str


@dataclass(frozen=True)
class GatePanel:
    """The verdict, the rules, and the blocking checks that failed."""

    badge: Badge
    passed: bool
    rows: tuple[GateRow, ...]
    failed_checks: tuple[str, ...]


def gate_panel(gate: Gate, sites: Mapping[str, str]) -> GatePanel:
    """Return the gate of a version for a page."""
    return GatePanel(
        badge=badges.verdict_badge(gate.outcome, gate.compared_with),
        passed=gate.passed,
        rows=tuple(_row(rule) for rule in gate.rules),
        failed_checks=tuple(
            f"{check.id} {check.name}: {with_site_names(check.summary, sites)}"
            for check in gate.failed_checks
        ),
    )


def acknowledgements(gate: Gate) -> list[tuple[str, str]]:
    """Return the name and the text of everything that an override must acknowledge."""
    rules = {
        rule.name: f"{rule_label(rule.name)}: {badges.gate_badge(rule.outcome).label}" for rule in gate.rules
    }
    checks = {check.id: _check_text(check) for check in gate.failed_checks}
    texts = rules | checks | {MISSING_REPORT: _("This version has no trust report.")}
    return [(name, texts[name]) for name in gate.to_acknowledge]


def _check_text(check: StoredCheck) -> str:
    return _("Blocking trust check %(id)s, %(name)s: failed") % {"id": check.id, "name": check.name}


def _row(rule: GateRule) -> GateRow:
    has_interval = rule.low is not None and rule.high is not None and rule.n >= MIN_TEST_RADIOGRAPHS
    return GateRow(
        label=rule_label(rule.name),
        badge=badges.gate_badge(rule.outcome),
        value=_number(rule.value),
        interval=f"[{rule.low:+.3f}, {rule.high:+.3f}]" if has_interval else "",
        threshold=_number(rule.threshold),
        n=str(rule.n or ""),
        detail=rule.detail,
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if 0 < abs(value) < SMALL:
        return f"{value:.1g}"
    return str(round(value)) if float(value).is_integer() else f"{value:.3f}"
