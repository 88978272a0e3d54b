"""The trust report: all checks of one model or data set, and what follows from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from ml.datasets.patient_split import Exclusion
from ml.metrics.evaluation_result import SEED, plain
from ml.metrics.statistics import RESAMPLES
from ml.trust.check import Check

Verdict = Literal["research only", "incomplete", "passed"]

BLOCKING: Final = ("A1", "A2", "A3", "A4", "A5", "A6", "B1", "B2", "B3", "B4")
FAILS_IF_NOT_POSSIBLE: Final = ("B4",)  # without a held-out source nothing is known of any other hospital


@dataclass(frozen=True)
class Report:
    """What was checked, on what, and how it ended."""

    subject: str  # a model's version or a data set's name
    data: str  # fingerprint of the survey
    preprocessing: str
    checks: tuple[Check, ...]
    left_out: tuple[Exclusion, ...] = ()

    @property
    def failed(self) -> tuple[str, ...]:
        """Name the blocking checks that failed."""
        return tuple(check.id for check in self.checks if check.blocking and _failed(check))

    @property
    def missing(self) -> tuple[str, ...]:
        """Name the blocking checks that were not asked."""
        asked = {check.id for check in self.checks}
        return tuple(name for name in BLOCKING if name not in asked)

    @property
    def not_possible(self) -> tuple[str, ...]:
        """Name the checks that could not be made."""
        return tuple(check.id for check in self.checks if check.status == "NOT_POSSIBLE")

    @property
    def verdict(self) -> Verdict:
        """Say 'research only' after a blocking failure, 'incomplete' while a blocking check is not asked."""
        if self.failed:
            return "research only"
        return "incomplete" if self.missing else "passed"

    def to_json(self) -> dict[str, Any]:
        """Return plain values; undefined numbers are None and radiographs left out go by their file's name."""
        return plain(
            {
                "subject": self.subject,
                "data": self.data,
                "preprocessing": self.preprocessing,
                "verdict": self.verdict,
                "failed": self.failed,
                "missing": self.missing,
                "not_possible": self.not_possible,
                "seed": SEED,
                "resamples": RESAMPLES,
                "checks": [asdict(check) for check in self.checks],
                "left_out": [
                    {"radiograph": out.radiograph.path.name, "reason": out.reason} for out in self.left_out
                ],
            }
        )


def _failed(check: Check) -> bool:
    impossible = check.status == "NOT_POSSIBLE" and check.id in FAILS_IF_NOT_POSSIBLE
    return check.status == "FAIL" or impossible
