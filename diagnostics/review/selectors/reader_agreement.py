"""TODO: diagnostics.review.selectors.reader_agreement."""

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
from ml.metrics import reader_agreement
from ml.metrics.reader_agreement import Agreement

MIN_CASES = 30  # cases; fewer say nothing that could be relied on


class PairAgreement(NamedTuple):
    """How two readers agree on the cases that both have read."""

    first: str
    second: str
    same: int
    kappa: Agreement


@dataclass(frozen=True)
class ReaderAgreement:
    """How all readers of somebody's sites agree, and each pair of them."""

    alpha: Agreement
    fleiss: Agreement  # of the radiographs that exactly two have read
    pairs: list[PairAgreement]

    @property
    def too_few(self) -> bool:
        """Say whether a reader of the page should not rely on the figures."""
        return self.alpha.cases < MIN_CASES


def first_readings(user: User) -> QuerySet[Reading]:
    """The blind readings of somebody's sites as first signed; no adjudication, no amendment."""
    return (
        Reading.objects.filter(
            kind=ReadingKind.READING, supersedes=None, case__in=visible_to(user), case__copy_of=None
        )
        .select_related("by")
        .order_by("signed_at", "pk")
    )


def agreement_of_readers(user: User) -> ReaderAgreement:
    """Measure how the readers of somebody's sites agree, by their first readings."""
    by_case: dict[object, dict[str, str]] = defaultdict(dict)
    for reading in first_readings(user).iterator():
        by_case[reading.case_id][reading.by.username] = reading.finding
    cases = [readers for readers in by_case.values() if len(readers) > 1]
    counts = reader_agreement.counts_of(cases, Finding.values)
    twice = counts[counts.sum(axis=1) == 2]
    return ReaderAgreement(
        reader_agreement.krippendorff_alpha(counts),
        reader_agreement.fleiss_kappa(twice),
        sorted(_pairs(cases)),
    )


def _pairs(cases: list[dict[str, str]]) -> Iterator[PairAgreement]:
    both: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for readers in cases:
        for one, other in combinations(sorted(readers), 2):
            both[one, other].append((readers[one], readers[other]))
    for (one, other), findings in both.items():
        same = sum(a == b for a, b in findings)
        yield PairAgreement(one, other, same, reader_agreement.cohen_kappa(findings))
