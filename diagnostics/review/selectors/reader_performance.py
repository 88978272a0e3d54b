"""Reader performance on control cases: against the reference standard, and intra-reader agreement."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

from diagnostics.accounts.models import User
from diagnostics.accounts.selectors import usernames
from diagnostics.findings import Finding
from diagnostics.review.models import FigureKind
from diagnostics.review.proportion import Proportion
from diagnostics.review.selectors.figure_counts import numbers_of
from diagnostics.review.selectors.reader_agreement import Pair, same_and_kappa
from ml.metrics.reader_agreement import Agreement

TARGET: Final = Finding.COVID_19.value


class ReferencePerformance(NamedTuple):
    """One reader on reference cases; 'cannot judge' counts as incorrect in both proportions."""

    reader: str
    sensitivity: Proportion  # COVID-19 read where the reference standard is COVID-19
    specificity: Proportion  # another finding read where it is not
    cannot_judge: int


class IntraReaderAgreement(NamedTuple):
    """One reader on radiographs read twice, at least four weeks apart."""

    reader: str
    same: int
    kappa: Agreement


def reference_performance(user: User) -> list[ReferencePerformance]:
    """Compare first readings of reference cases with the reference standard, per reader of a user's sites."""
    return [_performance(*each) for each in by_reader(user, FigureKind.REFERENCE)]


def intra_reader_agreement(user: User) -> list[IntraReaderAgreement]:
    """Compare each reader's first readings of a radiograph and of its repeat, at a user's sites."""
    readers = by_reader(user, FigureKind.REPEAT)
    return [IntraReaderAgreement(reader, *same_and_kappa(pairs)) for reader, pairs in readers]


def by_reader(user: User, kind: FigureKind) -> list[tuple[str, Counter[Pair]]]:
    """Return for each reader how many readings have an earlier or reference finding, and a finding."""
    numbers = numbers_of(user, kind)
    names = usernames({reader for reader, _known, _finding in numbers})
    by_reader: dict[str, Counter[Pair]] = defaultdict(Counter)
    for (reader, known, finding), number in numbers.items():
        by_reader[names[reader]][known, finding] += number
    return sorted(by_reader.items())


def _performance(reader: str, pairs: Mapping[Pair, int]) -> ReferencePerformance:
    positive = {finding: number for (known, finding), number in pairs.items() if known == TARGET}
    negative: Counter[str] = Counter()
    for (known, finding), number in pairs.items():
        negative[finding] += number if known != TARGET else 0
    wrong = (TARGET, Finding.CANNOT_JUDGE)
    correct = sum(number for finding, number in negative.items() if finding not in wrong)
    return ReferencePerformance(
        reader,
        Proportion(positive.get(TARGET, 0), sum(positive.values())),
        Proportion(correct, negative.total()),
        sum(number for (_known, finding), number in pairs.items() if finding == Finding.CANNOT_JUDGE),
    )
