"""What the trust report in a version's bundle says, and its page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ml.trust.report_files import HTML, JSON

VERDICTS: dict[str, Promise] = {
    "research only": _("Research only: a check that blocks has failed"),
    "incomplete": _("Incomplete: not every check that blocks was asked"),
    "passed": _("No check that blocks has failed"),
}


@dataclass(frozen=True)
class TrustSummary:
    """The report's verdict and how its checks ended."""

    verdict: str
    failed: tuple[str, ...]  # checks that block
    passed: int
    warned: int
    not_possible: int

    @property
    def words(self) -> Promise | str:
        """Say the verdict to a person."""
        return VERDICTS.get(self.verdict, self.verdict)

    @property
    def mark(self) -> str:
        """Name the status under which the page shows it."""
        return {"passed": "done", "research only": "failed"}.get(self.verdict, "cannot-judge")


def trust_summary(directory: Path) -> TrustSummary | None:
    """Read a bundle's trust report; None where it has none that can be read."""
    try:
        stored = json.loads((directory / JSON).read_text(encoding="utf-8"))
        ended = [check["status"] for check in stored["checks"]]
        failed = tuple(str(name) for name in stored["failed"])
        return TrustSummary(
            str(stored["verdict"]),
            failed,
            ended.count("PASS"),
            ended.count("WARN"),
            ended.count("NOT_POSSIBLE"),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def report_page(directory: Path) -> str | None:
    """Read the report's page; None where there is none."""
    try:
        return (directory / HTML).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
