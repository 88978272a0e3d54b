"""The stored verdict of the promotion gate on a version, and what an override must acknowledge.

`diagnostics/training/promotion_gate.py` gives the verdict; here it is read and enforced.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.utils.translation import gettext as _

from diagnostics.registry import selectors, trust_report
from diagnostics.registry.models import ModelVersion, Verdict
from diagnostics.registry.trust_report import StoredCheck, TrustReport

OUTCOMES: Final = {
    "kept": Verdict.ACCEPT,
    "broken": Verdict.REJECT,
    "undecided": Verdict.INCONCLUSIVE,
}
WHOLE_COMPARISON: Final = "comparison"  # of a version without stored rules
OUTDATED: Final = "active version"  # of a comparison with a version that is no longer the active one
MISSING_REPORT: Final = "trust report"


@dataclass(frozen=True)
class GateRule:
    """One rule with its figures; `outcome` is accept, reject or inconclusive."""

    name: str
    outcome: str
    detail: str
    n: int
    value: float | None
    low: float | None
    high: float | None
    threshold: float | None

    @property
    def accepted(self) -> bool:
        """Return whether the rule is met."""
        return self.outcome == Verdict.ACCEPT


@dataclass(frozen=True)
class Gate:
    """The verdict on a version, its rules, and the blocking trust checks that failed."""

    outcome: str
    rules: tuple[GateRule, ...]
    failed_checks: tuple[StoredCheck, ...]
    has_report: bool  # also for a version that was not compared, which needs none
    compared_with: str  # the version that was active at the registration; empty without a comparison

    @property
    def passed(self) -> bool:
        """Return whether the version can be promoted without an override."""
        return self.outcome == Verdict.ACCEPT and not self.to_acknowledge

    @property
    def to_acknowledge(self) -> tuple[str, ...]:
        """Return the names of the rules that are not met, and the ids of the blocking checks that failed."""
        rules = [rule.name for rule in self.rules if not rule.accepted]
        checks = [check.id for check in self.failed_checks]
        return (*rules, *checks, *([] if self.has_report else [MISSING_REPORT]))

    def missing(self, acknowledged: Collection[str]) -> tuple[str, ...]:
        """Return what is not acknowledged; a check can be named by its id or by its name."""
        given = {name.strip().casefold() for name in acknowledged}
        names = {check.id: check.name for check in self.failed_checks}
        return tuple(
            each
            for each in self.to_acknowledge
            if each.casefold() not in given and names.get(each, each).casefold() not in given
        )


def gate_today(version: ModelVersion) -> Gate:
    """Return the gate of a version; not passed if another version is active now than it was compared with."""
    gate, active = gate_of(version), selectors.active_version()
    compared = version.compared_with
    if not compared or active is None or active.pk == version.pk or compared == str(active):
        return gate
    return replace(gate, rules=(*gate.rules, _outdated(version, active)))


def gate_of(version: ModelVersion) -> Gate:
    """Return the gate of a version from its stored comparison and the trust report of its bundle."""
    report = trust_report.read_report(selectors.bundle_path(version))
    rules = tuple(_rule(rule) for rule in version.comparison.get("rules", ()))
    if not any(not rule.accepted for rule in rules) and version.verdict != Verdict.ACCEPT:
        rules = (*rules, _whole_comparison(version))
    outcome = Verdict.INCONCLUSIVE if version.verdict == Verdict.NONE else version.verdict
    has_report = bool(report) or not version.comparison
    return Gate(outcome, rules, _failed(report), has_report, version.compared_with)


def _rule(stored: Mapping[str, Any]) -> GateRule:
    return GateRule(
        name=str(stored["name"]),
        outcome=OUTCOMES.get(stored["outcome"], Verdict.INCONCLUSIVE).value,
        detail=str(stored["detail"]),
        n=int(stored.get("n") or 0),
        value=stored.get("value"),
        low=stored.get("low"),
        high=stored.get("high"),
        threshold=stored.get("threshold"),
    )


def _outdated(version: ModelVersion, active: ModelVersion) -> GateRule:
    detail = _(
        "%(version)s was compared with %(compared)s, but %(active)s is the active version now. "
        "A new training is compared with %(active)s."
    ) % {"version": version, "compared": version.compared_with, "active": active}
    return GateRule(OUTDATED, Verdict.INCONCLUSIVE.value, detail, 0, None, None, None, None)


def _whole_comparison(version: ModelVersion) -> GateRule:
    outcome = Verdict.INCONCLUSIVE if version.verdict == Verdict.NONE else version.verdict
    return GateRule(WHOLE_COMPARISON, str(outcome), version.verdict_reason, 0, None, None, None, None)


def _failed(report: TrustReport | None) -> tuple[StoredCheck, ...]:
    return tuple(check for check in report.checks if check.id in report.failed) if report else ()
