"""Inter-reader agreement of first readings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from django.db.models import QuerySet

from diagnostics.accounts.models import User
from diagnostics.cases.selectors import visible_to
from diagnostics.findings import Finding
from diagnostics.review.models import Reading, ReadingKind
from diagnostics.review.proportion import MIN_CASES
from diagnostics.review.selectors.readings import standing_readings
from ml.metrics import reader_agreement
from ml.metrics.reader_agreement import Agreement


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
    """Return the blind readings of a user's sites as first signed: no adjudications, no amendments."""
    return (
        standing_readings()
        .filter(kind=ReadingKind.READING, supersedes=None, case__in=visible_to(user), case__copy_of=None)
        .select_related("by")
        .order_by("signed_at", "pk")
    )


def agreement_of_readers(user: User) -> ReaderAgreement:
    """Measure the agreement of the first readings of a user's sites."""
    by_case: dict[object, dict[str, str]] = defaultdict(dict)
    for reading in first_readings(user).iterator():
        by_case[reading.case_id][reading.by.username] = reading.finding
    cases = [readers for readers in by_case.values() if len(readers) > 1]
    counts = reader_agreement.counts_of(cases, Finding.values)
    double_read = counts[counts.sum(axis=1) == 2]
    return ReaderAgreement(
        reader_agreement.krippendorff_alpha(counts),
        reader_agreement.fleiss_kappa(double_read),
        sorted(_pairs(cases)),
    )


def _pairs(cases: list[dict[str, str]]) -> Iterator[PairAgreement]:
    findings_of: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for readers in cases:
        for first, second in combinations(sorted(readers), 2):
            findings_of[first, second].append((readers[first], readers[second]))
    for (first, second), findings in findings_of.items():
        same = sum(a == b for a, b in findings)
        yield PairAgreement(first, second, same, reader_agreement.cohen_kappa(findings))
