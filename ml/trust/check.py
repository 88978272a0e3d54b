"""One check of the trust report: asked in one call, answered in one frozen value."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sized
from dataclasses import dataclass, field
from functools import wraps
from time import perf_counter
from typing import Concatenate, Final, Literal, ParamSpec, Protocol, TypeVar

from ml.metrics.statistics import Interval

Status = Literal["PASS", "WARN", "FAIL", "NOT_POSSIBLE"]
P = ParamSpec("P")


class Subject(Protocol):
    """What a check is asked of: radiographs surveyed, or a network's answers about them."""

    @property
    def radiographs(self) -> Sized:
        """Return the radiographs that could be read."""

    @property
    def fingerprint(self) -> str:
        """Name all that the check looks at (SHA-256)."""


S = TypeVar("S", bound=Subject)

MOST_EXAMPLES: Final = 10
NO_RADIOGRAPHS: Final = "No radiograph could be read."


class NotPossible(ValueError):
    """A check cannot be made of these radiographs; the message is for a person."""


@dataclass(frozen=True)
class Outcome:
    """What a check found."""

    status: Status
    words: str  # for a person
    value: float | None = None
    ci: Interval | None = None  # 95 %
    n: int = 0  # radiographs it rests on
    figures: dict[str, float] = field(default_factory=dict)  # what else was measured
    examples: tuple[str, ...] = ()  # names of files to look at


@dataclass(frozen=True)
class Check:
    """One line of the trust report; a threshold marked (*) is a proposal, the others follow a source."""

    id: str
    value: float | None
    ci: Interval | None
    threshold: str
    status: Status
    n: int
    inputs_hash: str
    seconds: float
    words: str
    blocking: bool
    figures: dict[str, float] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


def check(
    name: str, *, threshold: str, blocking: bool = False
) -> Callable[[Callable[Concatenate[S, P], Outcome]], Callable[Concatenate[S, P], Check]]:
    """Make a check of a function that finds an Outcome in a subject or raises NotPossible."""

    def decorate(find: Callable[Concatenate[S, P], Outcome]) -> Callable[Concatenate[S, P], Check]:
        @wraps(find)
        def made(subject: S, /, *args: P.args, **kwargs: P.kwargs) -> Check:
            begun = perf_counter()
            try:
                if not subject.radiographs:
                    raise NotPossible(NO_RADIOGRAPHS)
                found = find(subject, *args, **kwargs)
            except NotPossible as reason:
                found = Outcome("NOT_POSSIBLE", str(reason), n=len(subject.radiographs))
            return Check(
                id=name,
                value=found.value,
                ci=found.ci,
                threshold=threshold,
                status=found.status,
                n=found.n,
                inputs_hash=_hash(name, subject, args, sorted(kwargs.items())),
                seconds=perf_counter() - begun,
                words=found.words,
                blocking=blocking,
                figures=found.figures,
                examples=found.examples[:MOST_EXAMPLES],
            )

        return made

    return decorate


def _hash(name: str, subject: Subject, *parameters: object) -> str:
    return hashlib.sha256(f"{name} {subject.fingerprint} {parameters!r}".encode()).hexdigest()
