"""How well readers read: against known truth, and against themselves weeks before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.db.models import F, OuterRef, QuerySet, Subquery

from diagnostics.accounts.models import User
from diagnostics.cases.selectors import visible_to
from diagnostics.findings import Finding
from diagnostics.review.models import ControlPurpose, Reading
from diagnostics.review.selectors.model_performance import Share
from ml.metrics import reader_agreement
from ml.metrics.reader_agreement import Agreement

TARGET: Final = Finding.COVID_19.value


class ReferencePerformance(NamedTuple):
    """One reader on gold cases; 'cannot judge' is right of nothing."""

    reader: str
    sensitivity: Share  # COVID-19 named where it is
    specificity: Share  # another finding named where it is not
    cannot_judge: int


class IntraReaderAgreement(NamedTuple):
    """One reader on radiographs read twice, four weeks or more apart."""

    reader: str
    same: int
    kappa: Agreement


def reference_performance(user: User) -> list[ReferencePerformance]:
    """Compare first readings of gold cases with their truth, per reader, at somebody's sites."""
    readings = _of_copies(user, ControlPurpose.GOLD).annotate(truth=F("case__copy_of__gold__finding"))
    by_reader: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, said, truth in readings.values_list("by__username", "finding", "truth"):
        by_reader[name].append((said, truth))
    return [_measured(name, pairs) for name, pairs in sorted(by_reader.items())]


def intra_reader_agreement(user: User) -> list[IntraReaderAgreement]:
    """Compare each reader's first readings of a radiograph and of its copy, at somebody's sites."""
    before = Reading.objects.filter(case=OuterRef("case__copy_of"), by=OuterRef("by"), supersedes=None)
    readings = _of_copies(user, ControlPurpose.REPEAT).annotate(before=Subquery(before.values("finding")[:1]))
    by_reader: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, said, earlier in readings.values_list("by__username", "finding", "before"):
        by_reader[name].append((earlier, said))
    return [
        IntraReaderAgreement(
            name, sum(one == other for one, other in pairs), reader_agreement.cohen_kappa(pairs)
        )
        for name, pairs in sorted(by_reader.items())
    ]


def _of_copies(user: User, purpose: ControlPurpose) -> QuerySet[Reading, Any]:
    return Reading.objects.filter(
        supersedes=None, case__mixed_in__purpose=purpose, case__copy_of__in=visible_to(user)
    )


def _measured(reader: str, pairs: Iterable[tuple[str, str]]) -> ReferencePerformance:
    ill = [said for said, truth in pairs if truth == TARGET]
    well = [said for said, truth in pairs if truth != TARGET]
    unsure = sum(said == Finding.CANNOT_JUDGE for said in [*ill, *well])
    right = sum(said not in (TARGET, Finding.CANNOT_JUDGE) for said in well)
    return ReferencePerformance(reader, Share(ill.count(TARGET), len(ill)), Share(right, len(well)), unsure)
