"""The trust report in a version's bundle: its summary and its page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ml.trust.report_files import HTML, JSON


@dataclass(frozen=True)
class TrustSummary:
    """The verdict of a trust report and the results of its checks."""

    verdict: str
    failed: tuple[str, ...]  # ids of the failed blocking checks
    passed: int
    warned: int
    not_possible: int


def trust_summary(directory: Path) -> TrustSummary | None:
    """Return the summary of a bundle's trust report; None without a readable report."""
    try:
        stored = json.loads((directory / JSON).read_text(encoding="utf-8"))
        statuses = [check["status"] for check in stored["checks"]]
        failed = tuple(str(name) for name in stored["failed"])
        return TrustSummary(
            str(stored["verdict"]),
            failed,
            statuses.count("PASS"),
            statuses.count("WARN"),
            statuses.count("NOT_POSSIBLE"),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def report_page(directory: Path) -> str | None:
    """Return the HTML page of a bundle's trust report; None without one."""
    try:
        return (directory / HTML).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
