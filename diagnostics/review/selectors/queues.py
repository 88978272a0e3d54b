"""The clinical queue: which cases a reader may read, and in which order they are served."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, PredictionShown
from diagnostics.cases.selectors import visible_to
from diagnostics.review.models import Assignment, Claim, Consensus, ConsensusStatus, ServedReason
from diagnostics.review.selectors.claims import active_claims
from diagnostics.review.selectors.readings import standing_readings
from diagnostics.review.worklist_query import DUE_FIRST

TRIAGE_SCORE_FIRST: Final = ("priority_rank", "-triage_score", "due_at", "pk")


def readable_cases(user: User, now: datetime) -> QuerySet[Case]:
    """Return the cases that this reader may read and nobody else has claimed, by due time, STAT first."""
    return unclaimed(open_to(user).exclude(pk__in=needing_adjudication()), user, now)


def clinical_groups(
    user: User, now: datetime, *, triage_by_score: bool
) -> Iterator[tuple[QuerySet[Case], ServedReason]]:
    """Yield groups of cases in serving order, each with the reason for serving from it.

    With triage by AI score: STAT, then overdue cases, then the rest by priority and score. Overdue cases come
    before the score, so a low score never delays a case past its due time. Cases that the reader has released
    come last.
    """
    readable = readable_cases(user, now)
    for cases in (without_released(readable, user), readable):
        if triage_by_score:
            yield cases.filter(stat_rank=0), ServedReason.DUE
            yield cases.filter(stat_rank=1, due_at__lte=now), ServedReason.DUE
            yield cases.filter(stat_rank=1).order_by(*TRIAGE_SCORE_FIRST), ServedReason.TRIAGE_SCORE
        else:
            yield cases, ServedReason.DUE


def without_released(cases: QuerySet[Case], user: User) -> QuerySet[Case]:
    """Exclude the cases that this reader has claimed and released."""
    released = Claim.objects.filter(case=OuterRef("pk"), by=user, ended_at__lt=F("until"))
    return cases.exclude(Exists(released))


def open_cases(user: User) -> QuerySet[Case]:
    """Return the visible cases on the worklist that are neither final nor withdrawn."""
    return visible_to(user).filter(finalized_at=None, on_worklist=True, withdrawn_at=None)


def open_to(user: User) -> QuerySet[Case]:
    """Return the open cases that this reader may still read blind."""
    return open_cases(user).exclude(closed_to(user))


def closed_to(user: User) -> Q:
    """Match cases that a reader has read, whose AI result the reader has seen, or assigned to another."""
    return known_to(user) | Q(pk__in=Assignment.objects.exclude(to=user).values("case"))


def known_to(user: User) -> Q:
    """Match open cases that a reader has read or whose AI result the reader has seen."""
    read = standing_readings().filter(by=user, case__finalized_at=None)
    seen = PredictionShown.objects.filter(to=user, case__finalized_at=None)
    return Q(pk__in=read.values("case")) | Q(pk__in=seen.values("case"))


def unclaimed(cases: QuerySet[Case], user: User, now: datetime) -> QuerySet[Case]:
    """Exclude cases that others have claimed, and order the rest by due time, STAT first."""
    claimed_by_others = active_claims(now).exclude(by=user).values("case")
    return cases.exclude(pk__in=claimed_by_others).order_by(*DUE_FIRST)


def cases_with_status(*statuses: ConsensusStatus) -> QuerySet[Any, Any]:
    """Return the ids of the cases whose consensus has one of these statuses."""
    return Consensus.objects.filter(status__in=statuses).values("case")


def needing_adjudication() -> QuerySet[Any, Any]:
    """Return the ids of the cases whose readings disagree."""
    return cases_with_status(ConsensusStatus.NEEDS_ADJUDICATION)
