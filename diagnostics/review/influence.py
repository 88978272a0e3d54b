"""What readers agree on, and what the machine's answer does to their readings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from django.db.models import F, QuerySet

from diagnostics.accounts.models import User
from diagnostics.cases.selectors import visible_to
from diagnostics.findings import Finding
from diagnostics.review.models import Kind, Reading, SecondLook, Standing
from ml import agreement, statistics
from ml.agreement import Agreement

FEW = 30  # cases; fewer say nothing that could be relied on


class Pair(NamedTuple):
    """How two readers agree on the cases that both have read."""

    first: str
    second: str
    same: int
    kappa: Agreement


@dataclass(frozen=True)
class Agreements:
    """How all readers of somebody's sites agree, and each pair of them."""

    alpha: Agreement
    fleiss: Agreement  # of the films that exactly two have read
    pairs: list[Pair]

    @property
    def too_few(self) -> bool:
        """Say whether a reader of the page should not rely on the figures."""
        return self.alpha.cases < FEW


@dataclass(frozen=True)
class Influence:
    """What became of first readings once the machine's answer was shown."""

    looked: int  # readings whose reader kept or changed
    against: int  # of these, where the machine had said otherwise
    changed: int
    towards_final: int  # changes to what the case came to in the end, away from something else
    away_from_final: int
    wrong_after_wrong: int  # first right, machine wrong, then changed to something wrong
    right_before_wrong: int  # first right and machine wrong: of so many

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval (Wilson) of the share that changed."""
        return statistics.wilson(self.changed, self.looked)


def first_readings(user: User) -> QuerySet[Reading]:
    """The blind readings of somebody's sites as first signed; no adjudication, no amendment."""
    return (
        Reading.objects.filter(
            kind=Kind.READING, supersedes=None, case__in=visible_to(user), case__copy_of=None
        )
        .select_related("by")
        .order_by("signed_at", "pk")
    )


def agreements(user: User) -> Agreements:
    """Measure how the readers of somebody's sites agree, by their first readings."""
    by_case: dict[object, dict[str, str]] = defaultdict(dict)
    for reading in first_readings(user).iterator():
        by_case[reading.case_id][reading.by.username] = reading.finding
    cases = [readers for readers in by_case.values() if len(readers) > 1]
    counts = agreement.counts_of(cases, Finding.values)
    twice = counts[counts.sum(axis=1) == 2]
    return Agreements(
        agreement.krippendorff_alpha(counts), agreement.fleiss_kappa(twice), sorted(_pairs(cases))
    )


def influence(user: User) -> Influence:
    """Count what readers did after the machine's answer; 'final' are cases that have come to a finding."""
    looks = SecondLook.objects.filter(
        reading__case__in=visible_to(user), reading__case__copy_of=None
    ).annotate(
        first=F("reading__finding"),
        machine=F("prediction__finding"),
        standing=F("reading__case__judgement__standing"),
        final=F("reading__case__judgement__finding"),
    )
    rows = [_Look(*row) for row in looks.values_list("first", "machine", "finding", "standing", "final")]
    changed = [row for row in rows if row.first != row.then]
    settled = [row for row in changed if row.standing == Standing.FINAL]
    misled = [row for row in rows if row.standing == Standing.FINAL and row.first == row.final != row.machine]
    return Influence(
        looked=len(rows),
        against=sum(row.machine != row.first for row in rows),
        changed=len(changed),
        towards_final=sum(row.then == row.final for row in settled),
        away_from_final=sum(row.first == row.final for row in settled),
        wrong_after_wrong=sum(row.then != row.final for row in misled),
        right_before_wrong=len(misled),
    )


class _Look(NamedTuple):
    first: str
    machine: str
    then: str
    standing: str
    final: str


def _pairs(cases: list[dict[str, str]]) -> Iterator[Pair]:
    both: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for readers in cases:
        for one, other in combinations(sorted(readers), 2):
            both[one, other].append((readers[one], readers[other]))
    for (one, other), findings in both.items():
        same = sum(a == b for a, b in findings)
        yield Pair(one, other, same, agreement.cohen_kappa(findings))
