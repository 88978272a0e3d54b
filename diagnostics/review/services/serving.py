"""The next case of each queue, and the cases that come after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from random import SystemRandom
from typing import Final

from django.db.models import QuerySet

from diagnostics.accounts.models import User
from diagnostics.accounts.selectors import home_site
from diagnostics.cases.models import Case
from diagnostics.keyset import OrderedRows, in_order
from diagnostics.review.models import Queue, ServedReason
from diagnostics.review.selectors import active_learning, adjudication, queues, reading_policy

MAX_PREFETCHED: Final = 2  # cases
MAX_LOCKED: Final = 100  # cases at the head of a queue that other readers may be claiming at this moment
RNG: Final = SystemRandom()

Groups = Iterable[tuple[OrderedRows, ServedReason]]


def lock_next_case(queue: Queue, by: User, now: datetime) -> tuple[Case, ServedReason] | None:
    """Lock the next case of a queue and return it with the reason; None for an empty queue.

    Cases that the reader has released come last. The active-learning queue is empty where the reader's site
    does not offer it.
    """
    if queue == Queue.ACTIVE_LEARNING:
        return _lock_drawn_case(by, now)
    groups: Groups = (
        _adjudication_groups(by, now) if queue == Queue.ADJUDICATION else _clinical_groups(by, now)
    )
    for cases, reason in groups:
        case = _lock_first(cases)
        if case:
            return case, reason
    return None


def cases_to_prefetch(case: Case, by: User, now: datetime) -> list[Case]:
    """Return the next cases of the clinical queue, to prefetch their images; claim nothing."""
    cases: list[Case] = []
    for group, _reason in _clinical_groups(by, now):
        known = {case.pk, *(each.pk for each in cases)}
        keys = [key for key in group.first(MAX_PREFETCHED + len(known)) if key not in known]
        cases += in_order(Case.objects.filter(pk__in=keys), keys)[: MAX_PREFETCHED - len(cases)]
    return cases


def _clinical_groups(by: User, now: datetime) -> Iterator[tuple[OrderedRows, ServedReason]]:
    policy = reading_policy.policy_of(home_site(by))
    return queues.clinical_groups(by, now, triage_by_score=policy.triage_by_score)


def _adjudication_groups(by: User, now: datetime) -> Iterator[tuple[OrderedRows, ServedReason]]:
    cases = adjudication.adjudication_cases(by, now)
    for group in (queues.without_released(cases.rows, by), cases.rows):
        yield replace(cases, rows=group), ServedReason.DISAGREEMENT


def _lock_drawn_case(by: User, now: datetime) -> tuple[Case, ServedReason] | None:
    policy = reading_policy.policy_of(home_site(by))
    if not policy.has_active_learning_queue:
        return None
    readable = queues.readable_cases(by, now).filter(stat_rank=1)  # STAT is clinical only
    for cases in (queues.without_released(readable, by), readable):
        drawn = active_learning.draw(cases, policy, RNG)
        if drawn and _locked(Case.objects.filter(pk=drawn[0].pk)).exists():
            return drawn
    return None


def _lock_first(cases: OrderedRows) -> Case | None:
    """Lock the first case that no other transaction has locked, and that is still among the cases."""
    for key in cases.first(MAX_LOCKED):
        case = _locked(cases.rows.filter(pk=key)).first()
        if case:
            return case
    return None


def _locked(cases: QuerySet[Case]) -> QuerySet[Case]:
    return cases.select_for_update(skip_locked=True, no_key=True, of=("self",))
