"""The learning queue: films that teach most, in the shares a site wishes, and some drawn at random."""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from random import Random
from typing import Any, Final

from django.db.models import F, QuerySet

from diagnostics.base import Status
from diagnostics.cases.models import AnswerKind, Case, Prediction
from diagnostics.review.models import Policy, Reading, Served

LOOKED_AT: Final = 200  # films whose uncertainty is compared


def draw(pool: QuerySet[Case], policy: Policy, chance: Random) -> tuple[Case, Served] | None:
    """Pick a film from those a reader may be served, and say why; None where there is none."""
    for kind in (_kind(policy, chance), Served.RANDOM):
        case = next(_candidates(pool, kind, chance), None)
        if case is not None:
            return case, kind
    return None


def entropy(probabilities: dict[str, float]) -> float:
    """Return how undecided probabilities are, in nats; 0 where one is certain."""
    return -sum(p * log(p) for p in probabilities.values() if p > 0)


def _kind(policy: Policy, chance: Random) -> Served:
    shares = {
        Served.UNCERTAIN: policy.uncertain_percent,
        Served.CONTRADICTED: policy.contradicted_percent,
        Served.NOVEL: policy.novel_percent,
        Served.RANDOM: policy.random_percent,
    }
    return chance.choices(list(shares), weights=list(shares.values()))[0]


def _candidates(pool: QuerySet[Case], kind: Served, chance: Random) -> Iterator[Case]:
    if kind == Served.UNCERTAIN:
        return _most_uncertain(pool.filter(pk__in=_answered(AnswerKind.CANNOT_SEPARATE)))
    if kind == Served.NOVEL:
        return _any_of(pool.filter(pk__in=_answered(AnswerKind.UNLIKE_TRAINING)), chance)
    if kind == Served.CONTRADICTED:
        contradicted = Reading.objects.filter(case__predictions__status=Status.DONE).exclude(
            finding=F("case__predictions__finding")
        )
        return _any_of(pool.filter(pk__in=contradicted.values("case")), chance)
    return _any_of(pool, chance)


def _answered(kind: AnswerKind) -> QuerySet[Prediction, Any]:
    return Prediction.objects.filter(status=Status.DONE, answer=kind).values("case")


def _any_of(cases: QuerySet[Case], chance: Random) -> Iterator[Case]:
    count = cases.count()
    if count:
        at = chance.randrange(count)
        yield from cases[at : at + 1]


def _most_uncertain(cases: QuerySet[Case]) -> Iterator[Case]:
    some = {case.pk: case for case in cases[:LOOKED_AT]}
    answers = Prediction.objects.filter(case__in=some, status=Status.DONE)
    undecided = sorted(answers, key=lambda answer: entropy(answer.probabilities), reverse=True)
    return (some[answer.case_id] for answer in undecided)
