"""One trust check: a decorated function that returns a frozen result with its status and its evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sized
from dataclasses import dataclass, field, fields
from functools import wraps
from time import perf_counter
from typing import Any, Concatenate, Final, Literal, ParamSpec, Protocol, TypeVar

from ml.metrics.statistics import Interval
from ml.trust.catalogue import CheckSpec

Status = Literal["PASS", "WARN", "FAIL", "NOT_POSSIBLE"]
P = ParamSpec("P")


class Subject(Protocol):
    """Input of a check: a scanned data set, or a model's predictions."""

    @property
    def radiographs(self) -> Sized:
        """Return the readable radiographs."""

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of all inputs of the check."""


S = TypeVar("S", bound=Subject)

MAX_EXAMPLES: Final = 10
NO_RADIOGRAPHS: Final = "No radiograph could be read."


class NotPossible(ValueError):
    """The check cannot be computed for these radiographs; the message is shown in the report."""


@dataclass(frozen=True)
class Outcome:
    """Status, explanation and measurements that a check function returns."""

    status: Status
    summary: str  # for the reader of the report
    value: float | None = None
    ci: Interval | None = None  # 95 %
    n: int = 0  # number of radiographs measured
    metrics: dict[str, float] = field(default_factory=dict)  # further measurements
    examples: tuple[str, ...] = ()  # names of files to inspect


@dataclass(frozen=True)
class CheckResult:
    """One row of the trust report; a threshold marked (*) is a proposal, the others follow a publication."""

    spec: CheckSpec
    status: Status
    summary: str = ""
    value: float | None = None
    ci: Interval | None = None
    n: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    examples: tuple[str, ...] = ()
    threshold: str = ""
    inputs_hash: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Return whether the check failed; for some checks "not possible" is a failure."""
        impossible = self.status == "NOT_POSSIBLE" and self.spec.fails_if_not_possible
        return self.status == "FAIL" or impossible

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain values."""
        row = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "spec"}
        identity = {"id": self.spec.id, "name": self.spec.name, "blocking": self.spec.blocking}
        return identity | row


def check(
    spec: CheckSpec, *, threshold: str
) -> Callable[[Callable[Concatenate[S, P], Outcome]], Callable[Concatenate[S, P], CheckResult]]:
    """Turn a function that returns an Outcome, or raises NotPossible, into one that returns a CheckResult."""

    def decorate(compute: Callable[Concatenate[S, P], Outcome]) -> Callable[Concatenate[S, P], CheckResult]:
        @wraps(compute)
        def run(subject: S, /, *args: P.args, **kwargs: P.kwargs) -> CheckResult:
            start = perf_counter()
            try:
                if not subject.radiographs:
                    raise NotPossible(NO_RADIOGRAPHS)
                outcome = compute(subject, *args, **kwargs)
            except NotPossible as error:
                outcome = Outcome("NOT_POSSIBLE", str(error), n=len(subject.radiographs))
            return CheckResult(
                spec=spec,
                status=outcome.status,
                summary=outcome.summary,
                value=outcome.value,
                ci=outcome.ci,
                n=outcome.n,
                metrics=outcome.metrics,
                examples=outcome.examples[:MAX_EXAMPLES],
                threshold=threshold,
                inputs_hash=_hash(spec.id, subject, args, sorted(kwargs.items())),
                seconds=perf_counter() - start,
            )

        return run

    return decorate


def interval_text(interval: Interval) -> str:
    """Return a 95 % confidence interval as text with three decimals."""
    return f"95% CI {interval[0]:.3f} to {interval[1]:.3f}"


def _hash(check_id: str, subject: Subject, *parameters: object) -> str:
    return hashlib.sha256(f"{check_id} {subject.fingerprint} {parameters!r}".encode()).hexdigest()
