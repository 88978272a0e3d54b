"""Status badges of model versions: an icon, a tone and a label as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.registry.models import ModelVersion, Verdict
from diagnostics.registry.trust_report import TrustSummary


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
RULE_OUTCOMES: Final = {
    "kept": Badge("done", "good", _("met")),
    "broken": Badge("failed", "stat", _("not met")),
    "undecided": Badge("warn", "warn", _("too few radiographs")),
}
TRUST_VERDICTS: Final = {
    "research only": Badge("failed", "stat", _("Research only: a blocking check failed")),
    "incomplete": Badge("info", "info", _("Incomplete: not every blocking check was run")),
    "passed": Badge("done", "good", _("No blocking check failed")),
}


def verdict_badge(version: ModelVersion) -> Badge:
    """Return the badge of the promotion gate's verdict."""
    return VERDICTS[Verdict(version.verdict)]


def rule_badge(outcome: str) -> Badge:
    """Return the badge of one rule of the promotion gate."""
    return RULE_OUTCOMES.get(outcome, Badge("warn", "warn", outcome))


def trust_badge(summary: TrustSummary) -> Badge:
    """Return the badge of a trust report's verdict."""
    return TRUST_VERDICTS.get(summary.verdict, Badge("info", "info", summary.verdict))
