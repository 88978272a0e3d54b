"""Inter-reader agreement of first readings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from django.db.models import QuerySet

from diagnostics.accounts.models import User
from diagnostics.accounts.selectors import usernames
from diagnostics.cases.selectors import visible_to
from diagnostics.findings import Finding
from diagnostics.review.models import FigureKind, Reading, ReadingKind
from diagnostics.review.proportion import MIN_CASES
from diagnostics.review.selectors.figure_counts import numbers_of
from diagnostics.review.selectors.readings import standing_readings
from ml.metrics import reader_agreement
from ml.metrics.reader_agreement import Agreement

Case = Mapping[str, str]  # reader -> finding
Pair = tuple[str | None, str]  # an earlier finding may be missing


class PairAgreement(NamedTuple):
    """Agreement of two readers on the cases that both have read."""

    first: str
    second: str
    same: int
    kappa: Agreement


@dataclass(frozen=True)
class ReaderAgreement:
    """Agreement of all readers of a user's sites, and of each pair."""

    alpha: Agreement
    fleiss: Agreement  # over the cases with exactly two readings
    pairs: list[PairAgreement]

    @property
    def too_few(self) -> bool:
        """Return whether the cases are too few for a reliable estimate."""
        return self.alpha.cases < MIN_CASES


def first_readings(user: User) -> QuerySet[Reading]:
    """Return the first readings at the sites of a user; no adjudications, second opinions or amendments."""
    return (
        standing_readings()
        .filter(kind=ReadingKind.READING, supersedes=None, case__in=visible_to(user), case__copy_of=None)
        .select_related("by")
        .order_by("signed_at", "pk")
    )


def agreement_of_readers(user: User) -> ReaderAgreement:
    """Measure the agreement of the first readings of a user's sites, from the kept numbers of equal cases."""
    numbers = numbers_of(user, FigureKind.AGREEMENT)
    names = usernames({reader for key in numbers for reader, _finding in key})
    read = [({names[reader]: finding for reader, finding in key}, numbers[key]) for key in sorted(numbers)]
    counts, times = _of_any_reader(read)
    twice = counts.sum(axis=1) == 2
    return ReaderAgreement(
        reader_agreement.krippendorff_alpha(counts, times),
        reader_agreement.fleiss_kappa(
            counts[twice], [time for time, two in zip(times, twice, strict=True) if two]
        ),
        sorted(_pairs(read)),
    )


def _of_any_reader(read: Iterable[tuple[Case, int]]) -> tuple[reader_agreement.Counts, list[int]]:
    """Return the cases whoever read them: the readers of each finding, and the number of such cases."""
    numbers: Counter[tuple[str, ...]] = Counter()
    for case, number in read:
        numbers[tuple(sorted(case.values()))] += number
    alike = sorted(numbers)
    counts = reader_agreement.counts_of([dict(enumerate(findings)) for findings in alike], Finding.values)
    return counts, [numbers[findings] for findings in alike]


def _pairs(read: Iterable[tuple[Case, int]]) -> Iterator[PairAgreement]:
    findings_of: dict[tuple[str, str], Counter[Pair]] = defaultdict(Counter)
    for case, number in read:
        for first, second in combinations(sorted(case), 2):
            findings_of[first, second][case[first], case[second]] += number
    for (first, second), findings in findings_of.items():
        yield PairAgreement(first, second, *same_and_kappa(findings))


def same_and_kappa(findings: Mapping[Pair, int]) -> tuple[int, Agreement]:
    """Return how many of the cases have the same finding twice, and Cohen's kappa."""
    pairs = sorted(findings, key=str)
    same = sum(findings[pair] for pair in pairs if pair[0] == pair[1])
    return same, reader_agreement.cohen_kappa(pairs, [findings[pair] for pair in pairs])
