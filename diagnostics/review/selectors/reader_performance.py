"""Reader performance on control cases: against the reference standard, and intra-reader agreement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.db.models import F, OuterRef, QuerySet, Subquery

from diagnostics.accounts.models import User
from diagnostics.cases.selectors import visible_to
from diagnostics.findings import Finding
from diagnostics.review.models import ControlPurpose, Reading
from diagnostics.review.proportion import Proportion
from diagnostics.review.selectors.readings import standing_readings
from ml.metrics import reader_agreement
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
    readings = _control_readings(user, ControlPurpose.REFERENCE).annotate(
        reference=F("case__copy_of__reference_case__finding")
    )
    by_reader: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for reader, finding, reference in readings.values_list("by__username", "finding", "reference"):
        by_reader[reader].append((finding, reference))
    return [_performance(reader, pairs) for reader, pairs in sorted(by_reader.items())]


def intra_reader_agreement(user: User) -> list[IntraReaderAgreement]:
    """Compare each reader's first readings of a radiograph and of its repeat, at a user's sites."""
    earlier = standing_readings().filter(case=OuterRef("case__copy_of"), by=OuterRef("by"), supersedes=None)
    readings = _control_readings(user, ControlPurpose.REPEAT).annotate(
        earlier=Subquery(earlier.values("finding")[:1])
    )
    by_reader: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for reader, finding, earlier_finding in readings.values_list("by__username", "finding", "earlier"):
        by_reader[reader].append((earlier_finding, finding))
    return [
        IntraReaderAgreement(reader, sum(a == b for a, b in pairs), reader_agreement.cohen_kappa(pairs))
        for reader, pairs in sorted(by_reader.items())
    ]


def _control_readings(user: User, purpose: ControlPurpose) -> QuerySet[Reading, Any]:
    return standing_readings().filter(
        supersedes=None, case__control_case__purpose=purpose, case__copy_of__in=visible_to(user)
    )


def _performance(reader: str, pairs: Iterable[tuple[str, str]]) -> ReferencePerformance:
    pairs = list(pairs)
    positive = [finding for finding, reference in pairs if reference == TARGET]
    negative = [finding for finding, reference in pairs if reference != TARGET]
    cannot_judge = sum(finding == Finding.CANNOT_JUDGE for finding, _reference in pairs)
    correct = sum(finding not in (TARGET, Finding.CANNOT_JUDGE) for finding in negative)
    return ReferencePerformance(
        reader,
        Proportion(positive.count(TARGET), len(positive)),
        Proportion(correct, len(negative)),
        cannot_judge,
    )
