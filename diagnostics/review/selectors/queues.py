"""TODO: diagnostics.review.selectors.queues."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, PredictionShown
from diagnostics.cases.selectors import visible_to
from diagnostics.review.models import Assignment, Claim, Consensus, ConsensusStatus, Reading, ServedReason
from diagnostics.review.selectors.claims import active_claims
from diagnostics.review.worklist_query import ORDERS

URGENT_FIRST = ORDERS[""]


TRIAGE_SCORE_FIRST = ("priority_rank", "-triage_score", "due_at", "pk")


def readable_cases(user: User, now: datetime) -> QuerySet[Case]:
    """Cases that this reader may read and nobody else holds, the most urgent first."""
    return _unclaimed(_not_closed_to(user).exclude(pk__in=needing_adjudication()), user, now)


def clinical_turns(
    user: User, now: datetime, *, triage_by_score: bool
) -> Iterator[tuple[QuerySet[Case], ServedReason]]:
    """Give the cases from whose head the next one comes, one list after another, and why it would.

    By triage_score: STAT, then what is overdue, then by urgency and triage_score. The overdue ones are the cap: no
    radiograph waits longer for being suspected less. What the reader gave back comes last.
    """
    every = readable_cases(user, now)
    for cases in (without_released(every, user), every):
        if triage_by_score:
            yield cases.filter(stat_rank=0), ServedReason.DUE
            yield cases.filter(stat_rank=1, due_at__lte=now), ServedReason.DUE
            yield cases.filter(stat_rank=1).order_by(*TRIAGE_SCORE_FIRST), ServedReason.SUSPECTED
        else:
            yield cases, ServedReason.DUE


def adjudication_cases(user: User, now: datetime) -> QuerySet[Case]:
    """Cases about which others disagree and that this reader may decide, the most urgent first."""
    return _unclaimed(_not_closed_to(user).filter(pk__in=needing_adjudication()), user, now)


def without_released(cases: QuerySet[Case], user: User) -> QuerySet[Case]:
    """Leave out what this reader took and gave back."""
    given_back = Claim.objects.filter(case=OuterRef("pk"), by=user, ended_at__lt=F("until"))
    return cases.exclude(Exists(given_back))


def open_cases(user: User) -> QuerySet[Case]:
    return visible_to(user).filter(finalized_at=None, on_worklist=True)


def _not_closed_to(user: User) -> QuerySet[Case]:
    """Open cases, not handed to another, that this reader has neither read nor seen the answer of."""
    return open_cases(user).exclude(closed_to(user))


def closed_to(user: User) -> Q:
    mine = Reading.objects.filter(by=user, case__finalized_at=None)
    seen = PredictionShown.objects.filter(to=user, case__finalized_at=None)
    others = Assignment.objects.exclude(to=user)
    return Q(pk__in=mine.values("case")) | Q(pk__in=seen.values("case")) | Q(pk__in=others.values("case"))


def _unclaimed(cases: QuerySet[Case], user: User, now: datetime) -> QuerySet[Case]:
    held_by_others = active_claims(now).exclude(by=user).values("case")
    return cases.exclude(pk__in=held_by_others).order_by(*URGENT_FIRST)


def cases_with_status(*standings: ConsensusStatus) -> QuerySet[Any, Any]:
    return Consensus.objects.filter(standing__in=standings).values("case")


def needing_adjudication() -> QuerySet[Any, Any]:
    return cases_with_status(ConsensusStatus.DISAGREE)
