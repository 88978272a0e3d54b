"""The active-learning queue: selected cases, then informative and random ones in the shares of the site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import log
from random import Random
from typing import Final
from uuid import UUID

from django.db.models import F, QuerySet

from diagnostics.cases.models import Case, Prediction, PredictionOutcome
from diagnostics.cases.selectors.lists import selected_by
from diagnostics.jobs.models import JobStatus
from diagnostics.keyset import AtLeast, counted
from diagnostics.review.models import (
    Consensus,
    ConsensusStatus,
    Reading,
    ReadingPolicy,
    SelectedCase,
    ServedReason,
)
from diagnostics.review.selectors.readings import standing_readings

MAX_COMPARED: Final = 200  # cases whose entropy is compared


def draw(pool: QuerySet[Case], policy: ReadingPolicy, rng: Random) -> tuple[Case, ServedReason] | None:
    """Draw a case from those that a reader may read, with the reason; None for an empty pool.

    A case that an administrator has selected comes first, the earliest selection before the others.
    """
    for chosen in SelectedCase.objects.order_by("at", "case").values_list("case", flat=True):
        selected = pool.filter(pk=chosen).first()
        if selected is not None:
            return selected, ServedReason.SELECTED
    for reason in (_drawn_reason(policy, rng), ServedReason.RANDOM):
        case = next(_candidates(pool, reason, rng), None)
        if case is not None:
            return case, reason
    return None


def selected_among(cases: Iterable[Case]) -> frozenset[UUID]:
    """Return which of the cases are selected for the queue."""
    rows = SelectedCase.objects.filter(case__in=[case.pk for case in cases])
    return frozenset(rows.values_list("case", flat=True))


def entropy(probabilities: dict[str, float]) -> float:
    """Return the Shannon entropy of class probabilities in nats; 0 where one class is certain."""
    return -sum(p * log(p) for p in probabilities.values() if p > 0)


def _drawn_reason(policy: ReadingPolicy, rng: Random) -> ServedReason:
    shares = {
        ServedReason.UNCERTAIN: policy.uncertain_percent,
        ServedReason.CONTRADICTED: policy.contradicted_percent,
        ServedReason.NOVEL: policy.novel_percent,
        ServedReason.RANDOM: policy.random_percent,
    }
    return rng.choices(list(shares), weights=list(shares.values()))[0]


def _candidates(pool: QuerySet[Case], reason: ServedReason, rng: Random) -> Iterator[Case]:
    if reason == ServedReason.UNCERTAIN:
        return _most_uncertain(_among(pool, _with_outcome(PredictionOutcome.INDETERMINATE)))
    if reason == ServedReason.NOVEL:
        return _random_case(_among(pool, _with_outcome(PredictionOutcome.OUT_OF_DISTRIBUTION)), rng)
    if reason == ServedReason.CONTRADICTED:
        return _random_case(pool.filter(pk__in=_contradicting().values("case")), rng)
    return _random_case(pool, rng)


def _with_outcome(outcome: PredictionOutcome) -> QuerySet[Prediction]:
    return Prediction.objects.filter(status=JobStatus.DONE, outcome=outcome)


def _among(pool: QuerySet[Case], predictions: QuerySet[Prediction]) -> QuerySet[Case]:
    return pool.filter(selected_by(predictions).condition)


def _contradicting() -> QuerySet[Reading]:
    """Return the readings that contradict the prediction of a case that awaits its second read."""
    waiting = Consensus.objects.filter(status=ConsensusStatus.SECOND_READ)
    return (
        standing_readings()
        .filter(case__in=waiting.values("case"))
        .filter(case__predictions__status=JobStatus.DONE, case__predictions__finding__gt="")
        .exclude(finding=F("case__predictions__finding"))
    )


def _random_case(cases: QuerySet[Case], rng: Random) -> Iterator[Case]:
    """Draw one of few cases with equal chances, one of many by its random id, which says nothing of it."""
    count, cases = counted(cases), cases.order_by("pk")
    if isinstance(count, AtLeast):
        start = UUID(int=rng.getrandbits(128))
        yield from cases.filter(pk__gte=start)[:1] or cases[:1]
    elif count:
        index = rng.randrange(count)
        yield from cases[index : index + 1]


def _most_uncertain(cases: QuerySet[Case]) -> Iterator[Case]:
    compared = {case.pk: case for case in cases.order_by("due_at", "pk")[:MAX_COMPARED]}
    predictions = Prediction.objects.filter(case__in=compared, status=JobStatus.DONE)
    by_entropy = sorted(predictions, key=lambda prediction: entropy(prediction.probabilities), reverse=True)
    return (compared[prediction.case_id] for prediction in by_entropy)
