"""The learning queue: radiographs that teach most, in the shares a site wishes, and some drawn at random."""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from random import Random
from typing import Any, Final

from django.db.models import F, QuerySet

from diagnostics.cases.models import Case, Prediction, PredictionOutcome
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import Reading, ReadingPolicy, ServedReason

LOOKED_AT: Final = 200  # radiographs whose uncertainty is compared


def draw(pool: QuerySet[Case], policy: ReadingPolicy, chance: Random) -> tuple[Case, ServedReason] | None:
    """Pick a radiograph from those a reader may be served, and say why; None where there is none."""
    for kind in (_kind(policy, chance), ServedReason.RANDOM):
        case = next(_candidates(pool, kind, chance), None)
        if case is not None:
            return case, kind
    return None


def entropy(probabilities: dict[str, float]) -> float:
    """Return how undecided probabilities are, in nats; 0 where one is certain."""
    return -sum(p * log(p) for p in probabilities.values() if p > 0)


def _kind(policy: ReadingPolicy, chance: Random) -> ServedReason:
    shares = {
        ServedReason.UNCERTAIN: policy.uncertain_percent,
        ServedReason.CONTRADICTED: policy.contradicted_percent,
        ServedReason.NOVEL: policy.novel_percent,
        ServedReason.RANDOM: policy.random_percent,
    }
    return chance.choices(list(shares), weights=list(shares.values()))[0]


def _candidates(pool: QuerySet[Case], kind: ServedReason, chance: Random) -> Iterator[Case]:
    if kind == ServedReason.UNCERTAIN:
        return _most_uncertain(pool.filter(pk__in=_answered(PredictionOutcome.INDETERMINATE)))
    if kind == ServedReason.NOVEL:
        return _any_of(pool.filter(pk__in=_answered(PredictionOutcome.OUT_OF_DISTRIBUTION)), chance)
    if kind == ServedReason.CONTRADICTED:
        contradicted = Reading.objects.filter(case__predictions__status=JobStatus.DONE).exclude(
            finding=F("case__predictions__finding")
        )
        return _any_of(pool.filter(pk__in=contradicted.values("case")), chance)
    return _any_of(pool, chance)


def _answered(kind: PredictionOutcome) -> QuerySet[Prediction, Any]:
    return Prediction.objects.filter(status=JobStatus.DONE, outcome=kind).values("case")


def _any_of(cases: QuerySet[Case], chance: Random) -> Iterator[Case]:
    count = cases.count()
    if count:
        at = chance.randrange(count)
        yield from cases[at : at + 1]


def _most_uncertain(cases: QuerySet[Case]) -> Iterator[Case]:
    some = {case.pk: case for case in cases[:LOOKED_AT]}
    answers = Prediction.objects.filter(case__in=some, status=JobStatus.DONE)
    undecided = sorted(answers, key=lambda answer: entropy(answer.probabilities), reverse=True)
    return (some[answer.case_id] for answer in undecided)
