"""How a case is taken, held and let go: row by row, inside the transaction of a service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from random import SystemRandom

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from diagnostics.accounts.models import User
from diagnostics.accounts.selectors import home_site
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.cases.models import Case
from diagnostics.review.models import Claim, Queue, ServedReason
from diagnostics.review.selectors import active_learning, claims, queues
from diagnostics.review.services.consensus import policy_of

CHANCE = SystemRandom()


def lock_reader(by: User) -> None:
    """Let two clicks of one reader follow each other, so that they do not take two cases."""
    User.objects.select_for_update(no_key=True).get(pk=by.pk)


def lock_case(case: Case) -> Case:
    """Let claims, releases and signatures of one case follow each other; gives the case as it is now."""
    return Case.objects.select_for_update(no_key=True).get(pk=case.pk)


def next_case(queue: Queue, by: User, now: datetime) -> tuple[Case, ServedReason] | None:
    """Find and lock the next case of a queue, and why it is; what the reader gave back comes last."""
    if queue == Queue.LEARNING:
        return _to_learn_from(by, now)
    for cases, why in _disagreements(by, now) if queue == Queue.DISAGREEMENTS else clinical_queue(by, now):
        case = _locked(cases).first()
        if case:
            return case, why
    return None


def clinical_queue(by: User, now: datetime) -> Iterator[tuple[QuerySet[Case], ServedReason]]:
    """Give what a reader's clinical queue comes from, in the order that the reader's site wishes."""
    return queues.clinical_turns(by, now, triage_by_score=policy_of(home_site(by)).triage_by_score)


def _disagreements(by: User, now: datetime) -> Iterator[tuple[QuerySet[Case], ServedReason]]:
    undecided = queues.adjudication_cases(by, now)
    for cases in (queues.without_released(undecided, by), undecided):
        yield cases, ServedReason.DISAGREEMENT


def _to_learn_from(by: User, now: datetime) -> tuple[Case, ServedReason] | None:
    policy = policy_of(home_site(by))
    waiting = queues.readable_cases(by, now).filter(stat_rank=1)  # STAT waits for no lesson
    for cases in (queues.without_released(waiting, by), waiting):
        drawn = active_learning.draw(cases, policy, CHANCE)
        if drawn and _locked(Case.objects.filter(pk=drawn[0].pk)).exists():
            return drawn
    return None


def _locked(cases: QuerySet[Case]) -> QuerySet[Case]:
    return cases.select_for_update(skip_locked=True, no_key=True, of=("self",))


def create_claim(case: Case, by: User, now: datetime, *, served: ServedReason = ServedReason.CHOSEN) -> Claim:
    """Write the claim; an IntegrityError says that somebody was quicker."""
    with transaction.atomic():
        Claim.objects.filter(case=case, ended_at=None, until__lte=now).update(ended_at=F("until"))
        taken = Claim.objects.create(
            case=case, by=by, since=now, until=now + settings.CLAIM_LEASE, served=served
        )
    record(action=Action.READING_CLAIMED, by=by, target=case, now=now)
    return taken


def extend_claim(held: Claim, now: datetime) -> Claim:
    """Give the holder the whole time again."""
    held.until = now + settings.CLAIM_LEASE
    held.save(update_fields=["until"])
    return held


def end_claim(held: Claim, now: datetime) -> None:
    """End a claim; one that ran out ended when it ran out."""
    held.ended_at = min(now, held.until)
    held.save(update_fields=["ended_at"])


def end_open_claim(case: Case, now: datetime) -> None:
    """End whatever claim is still open on a case."""
    held = claims.open_claim(case)
    if held:
        end_claim(held, now)
