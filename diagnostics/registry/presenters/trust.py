"""The summary of a trust report for pages."""

from __future__ import annotations

from dataclasses import dataclass

from diagnostics.registry.presenters import badges
from diagnostics.registry.presenters.badges import Badge
from diagnostics.registry.trust_report import TrustSummary


@dataclass(frozen=True)
class TrustPanel:
    """The verdict and the number of checks by result."""

    badge: Badge
    failed: str  # ids of the failed blocking checks, separated by commas
    passed: int
    warned: int
    not_possible: int


def trust_panel(summary: TrustSummary | None) -> TrustPanel | None:
    """Return the values of the trust panel; None without a trust report."""
    if summary is None:
        return None
    return TrustPanel(
        badges.trust_badge(summary),
        ", ".join(summary.failed),
        summary.passed,
        summary.warned,
        summary.not_possible,
    )
