"""Status badges of model versions: an icon, a tone and a label as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.registry.models import ModelVersion, Verdict


@dataclass(frozen=True)
class Badge:
    """An icon of the sprite, the tone of its colour, and the label beside it."""

    icon: str
    tone: str  # good, warn, stat or info
    label: Promise | str


ACTIVE: Final = Badge("done", "good", _("Active"))
VERDICTS: Final = {
    Verdict.ACCEPT: Badge("done", "good", Verdict.ACCEPT.label),
    Verdict.REJECT: Badge("failed", "stat", Verdict.REJECT.label),
    Verdict.INCONCLUSIVE: Badge("warn", "warn", Verdict.INCONCLUSIVE.label),
    Verdict.NONE: Badge("info", "info", Verdict.NONE.label),
}
OF_A_VERSION: Final = {
    Verdict.ACCEPT: _("Not inferior to %(version)s"),
    Verdict.REJECT: _("Inferior to %(version)s"),
}
RULE_OUTCOMES: Final = {
    "kept": Badge("done", "good", _("met")),
    "broken": Badge("failed", "stat", _("not met")),
    "undecided": Badge("warn", "warn", _("inconclusive")),
}
GATE_OUTCOMES: Final[dict[str, Badge]] = {
    Verdict.ACCEPT: RULE_OUTCOMES["kept"],
    Verdict.REJECT: RULE_OUTCOMES["broken"],
    Verdict.INCONCLUSIVE: RULE_OUTCOMES["undecided"],
}
TRUST_VERDICTS: Final = {
    "research only": Badge("failed", "stat", _("Research only: a blocking check failed")),
    "incomplete": Badge("info", "info", _("Incomplete: not every blocking check was run")),
    "passed": Badge("done", "good", _("No blocking check failed")),
}
CHECKS: Final = {
    "PASS": Badge("done", "good", _("pass")),
    "WARN": Badge("warn", "warn", _("warning")),
    "FAIL": Badge("failed", "stat", _("fail")),
    "NOT_POSSIBLE": Badge("info", "info", _("not possible")),
}
IMPOSSIBLE_IS_FAILURE: Final = Badge("failed", "stat", _("fail: not possible"))


def version_badge(version: ModelVersion) -> Badge:
    """Return the badge of the stored verdict on a version."""
    return verdict_badge(version.verdict, version.compared_with)


def verdict_badge(verdict: str, compared_with: str) -> Badge:
    """Return the badge of a verdict; it names the other version, which may not be the active one for long."""
    badge = VERDICTS[Verdict(verdict)]
    if not compared_with or verdict not in OF_A_VERSION:
        return badge
    return replace(badge, label=OF_A_VERSION[Verdict(verdict)] % {"version": compared_with})


def rule_badge(outcome: str) -> Badge:
    """Return the badge of one rule of the promotion gate."""
    return RULE_OUTCOMES.get(outcome, Badge("warn", "warn", outcome))


def gate_badge(outcome: str) -> Badge:
    """Return the badge of one rule by its outcome: accept, reject or inconclusive."""
    return GATE_OUTCOMES.get(outcome, Badge("warn", "warn", outcome))


def trust_badge(verdict: str) -> Badge:
    """Return the badge of a trust report's verdict."""
    return TRUST_VERDICTS.get(verdict, Badge("info", "info", verdict))


def check_badge(status: str, *, failed: bool) -> Badge:
    """Return the badge of one trust check; for some checks "not possible" is a failure."""
    if failed and status == "NOT_POSSIBLE":
        return IMPOSSIBLE_IS_FAILURE
    return CHECKS.get(status, Badge("info", "info", status))
