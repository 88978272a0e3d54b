"""The trust report: the results of all checks of one model version or data set, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from ml.datasets.exclusions import Exclusion
from ml.metrics.evaluation_result import SEED, Evaluation, json_values
from ml.metrics.statistics import RESAMPLES
from ml.records import Manifest
from ml.trust.catalogue import CHECK_ORDER, CheckSpec
from ml.trust.check import CheckResult
from ml.trust.predictions import Predictions

Verdict = Literal["research only", "incomplete", "passed"]

VERDICT_TEXTS: Final[dict[Verdict, str]] = {
    "research only": "Research only: at least one blocking check failed.",
    "incomplete": "Incomplete: at least one blocking check was not run.",
    "passed": "No blocking check failed. This does not change the intended use: research only.",
}


@dataclass(frozen=True)
class Report:
    """The checked subject, its data and the results."""

    subject: str  # a model version or the name of a data set
    data: str  # fingerprint of the data set scan
    preprocessing: str
    checks: tuple[CheckResult, ...]
    excluded: tuple[Exclusion, ...] = ()

    @property
    def failed(self) -> tuple[str, ...]:
        """Return the ids of the blocking checks that failed."""
        return tuple(check.spec.id for check in self.checks if check.spec.blocking and check.failed)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the ids of the blocking checks that were not run."""
        completed = {check.spec for check in self.checks}
        return tuple(spec.id for spec in CHECK_ORDER if spec.blocking and spec not in completed)

    @property
    def not_possible(self) -> tuple[str, ...]:
        """Return the ids of the checks that could not be computed."""
        return tuple(check.spec.id for check in self.checks if check.status == "NOT_POSSIBLE")

    @property
    def verdict(self) -> Verdict:
        """Return 'research only' after a blocking failure, 'incomplete' while a blocking check is missing."""
        if self.failed:
            return "research only"
        return "incomplete" if self.missing else "passed"

    def result(self, spec: CheckSpec) -> CheckResult | None:
        """Return the result of a check, or None if it was not run."""
        return next((check for check in self.checks if check.spec == spec), None)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; undefined numbers are None, excluded radiographs are listed by file name."""
        stored: dict[str, Any] = json_values(
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
                "checks": [check.to_json() for check in self.checks],
                "excluded": [
                    {"radiograph": item.radiograph.path.name, "reason": item.reason} for item in self.excluded
                ],
            }
        )
        return stored


@dataclass(frozen=True)
class Example:
    """A radiograph with its heatmap as PNG."""

    known: str
    predicted: str
    score: float  # probability of the target
    png: bytes


@dataclass(frozen=True)
class TrustFindings:
    """A report with the data of its plots and example images."""

    report: Report
    manifest: Manifest
    predictions: Predictions
    evaluation: Evaluation
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class CheckProgress:
    """A completed check and its position in the run."""

    number: int  # of the completed checks, from 1
    total: int
    check: CheckResult

    @property
    def name(self) -> str:
        """Return the short name of the check."""
        return self.check.spec.name
