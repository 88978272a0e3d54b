"""The trust report in a version's bundle: its checks, its verdict and its figures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.trust import report_files
from ml.trust.catalogue import CHECK_ORDER

GROUPS = {spec.id: spec.group for spec in CHECK_ORDER}


@dataclass(frozen=True)
class StoredCheck:
    """The result of one trust check."""

    id: str
    name: str
    group: str
    blocking: bool
    status: str  # PASS, WARN, FAIL or NOT_POSSIBLE
    failed: bool  # also True where "not possible" counts as a failure
    summary: str
    threshold: str
    value: float | None
    interval: tuple[float, float] | None  # 95 %
    n: int
    metrics: dict[str, float]


@dataclass(frozen=True)
class TrustReport:
    """The verdict of a trust report and the results of its checks."""

    verdict: str
    failed: tuple[str, ...]  # ids of the failed blocking checks
    checks: tuple[StoredCheck, ...]
    excluded: tuple[str, ...]  # reasons why radiographs were not used

    def count(self, status: str) -> int:
        """Return the number of checks with a status; a failure is counted as FAIL only."""
        return sum(("FAIL" if check.failed else check.status) == status for check in self.checks)

    def check(self, check_id: str) -> StoredCheck | None:
        """Return one check, or None if the report does not contain it."""
        return next((check for check in self.checks if check.id == check_id), None)


def read_report(directory: Path) -> TrustReport | None:
    """Return the trust report of a bundle; None without a readable report."""
    try:
        return parse_report(json.loads((directory / report_files.JSON).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def parse_report(stored: dict[str, Any]) -> TrustReport:
    """Return a report from its JSON; raises KeyError, TypeError or AttributeError."""
    failed = tuple(str(name) for name in stored["failed"])
    return TrustReport(
        str(stored["verdict"]),
        failed,
        tuple(_check(row, failed) for row in stored["checks"]),
        tuple(str(item["reason"]) for item in stored.get("excluded", ())),
    )


def read_figures(directory: Path) -> tuple[str, ...]:
    """Return the figures of a bundle's trust report as SVG; empty without a readable report."""
    try:
        return report_files.figures((directory / report_files.HTML).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()


def _check(row: dict[str, Any], failed: tuple[str, ...]) -> StoredCheck:
    check_id, status, interval = str(row.get("id", "")), str(row["status"]), row.get("ci")
    return StoredCheck(
        id=check_id,
        name=str(row.get("name", check_id)),
        group=GROUPS.get(check_id, ""),
        blocking=bool(row.get("blocking", False)),
        status=status,
        failed=status == "FAIL" or check_id in failed,
        summary=str(row.get("summary", "")),
        threshold=str(row.get("threshold", "")),
        value=row.get("value"),
        interval=(float(interval[0]), float(interval[1])) if interval and None not in interval else None,
        n=int(row.get("n", 0)),
        metrics=row.get("metrics") or {},
    )
