"""The clinical queue: which cases a reader may read, and in which order they are served."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from diagnostics.accounts.models import User
from diagnostics.cases.models import OPEN, Case, PredictionShown
from diagnostics.cases.selectors import visible_to
from diagnostics.cases.selectors.lists import BY_PRIORITY, has, parts_by_site
from diagnostics.keyset import OrderedRows
from diagnostics.review.models import Assignment, Claim, Consensus, ConsensusStatus, ServedReason
from diagnostics.review.selectors.claims import active_claims
from diagnostics.review.selectors.readings import standing_readings
from diagnostics.review.worklist_query import DUE_FIRST, STAT_FIRST

TRIAGE_SCORE_FIRST: Final = ("-triage_score", "due_at", "pk")


def readable_cases(user: User, now: datetime) -> QuerySet[Case]:
    """Return the cases that this reader may read and nobody else has claimed."""
    return visible_to(user).filter(readable_by(user, now))


def readable_by(user: User, now: datetime) -> Q:
    """Match the cases that this reader may read and nobody else has claimed."""
    return OPEN & ~closed_to(user) & ~has(needing_adjudication()) & ~claimed_by_others(user, now)


def clinical_groups(
    user: User, now: datetime, *, triage_by_score: bool
) -> Iterator[tuple[OrderedRows, ServedReason]]:
    """Yield groups of cases in serving order, each with the reason for serving from it.

    With triage by AI score: STAT, then overdue cases, then the rest by priority and score. Overdue cases come
    before the score, so a low score never delays a case past its due time. Cases that the reader has released
    come last.
    """
    readable, parts = readable_cases(user, now), parts_by_site(user)
    for cases in (without_released(readable, user), readable):
        if triage_by_score:
            routine = cases.filter(stat_rank=1)
            yield OrderedRows(cases.filter(stat_rank=0), DUE_FIRST, None, parts), ServedReason.DUE
            yield OrderedRows(routine.filter(due_at__lte=now), DUE_FIRST, None, parts), ServedReason.DUE
            by_score = OrderedRows(routine, TRIAGE_SCORE_FIRST, BY_PRIORITY, parts)
            yield by_score, ServedReason.TRIAGE_SCORE
        else:
            yield OrderedRows(cases, DUE_FIRST, STAT_FIRST, parts), ServedReason.DUE


def without_released(cases: QuerySet[Case], user: User) -> QuerySet[Case]:
    """Exclude the cases that this reader has claimed and released."""
    released = Claim.objects.filter(case=OuterRef("pk"), by=user, ended_at__lt=F("until"))
    return cases.exclude(Exists(released))


def open_cases(user: User) -> QuerySet[Case]:
    """Return the visible cases on the worklist that are neither final nor withdrawn."""
    return visible_to(user).filter(OPEN)


def closed_to(user: User) -> Q:
    """Match cases that a reader has read, whose AI result the reader has seen, or assigned to another who
    may still read them.
    """
    return known_to(user) | has(_open_assignments().exclude(to=user))


def _open_assignments() -> QuerySet[Assignment]:
    """Return the assignments to readers who may still read the case; the next reading is another reader's."""
    own = {"case": OuterRef("case"), "to": OuterRef("to")}
    read = standing_readings().filter(case=OuterRef("case"), by=OuterRef("to"))
    return Assignment.objects.exclude(Exists(read)).exclude(Exists(PredictionShown.objects.filter(**own)))


def known_to(user: User) -> Q:
    """Match cases that a reader has read or whose AI result the reader has seen."""
    return has(standing_readings().filter(by=user)) | has(PredictionShown.objects.filter(to=user))


def claimed_by_others(user: User, now: datetime) -> Q:
    """Match the cases that other readers have claimed."""
    return has(active_claims(now).exclude(by=user))


def cases_with_status(*statuses: ConsensusStatus) -> QuerySet[Any, Any]:
    """Return the consensus rows with one of these statuses."""
    return Consensus.objects.filter(status__in=statuses)


def needing_adjudication() -> QuerySet[Any, Any]:
    """Return the consensus rows of cases whose readings disagree."""
    return cases_with_status(ConsensusStatus.NEEDS_ADJUDICATION)
