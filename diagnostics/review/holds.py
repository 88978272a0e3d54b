"""How a case is taken, held and let go: row by row, inside the transaction of a service."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.cases.models import Case
from diagnostics.review import selectors
from diagnostics.review.models import Claim


def one_at_a_time(by: User) -> None:
    """Let two clicks of one reader follow each other, so that they do not take two cases."""
    User.objects.select_for_update(no_key=True).get(pk=by.pk)


def lock(case: Case) -> Case:
    """Let claims, releases and signatures of one case follow each other; gives the case as it is now."""
    return Case.objects.select_for_update(no_key=True).get(pk=case.pk)


def most_urgent(by: User, now: datetime, *, decide: bool = False) -> Case | None:
    """Find and lock the next case; what the reader gave back comes after all others."""
    waiting = selectors.undecided(by, now) if decide else selectors.waiting(by, now)
    for cases in (selectors.untouched(waiting, by), waiting):
        case = cases.select_for_update(skip_locked=True, no_key=True, of=("self",)).first()
        if case:
            return case
    return None


def take(case: Case, by: User, now: datetime) -> Claim:
    """Write the claim; an IntegrityError says that somebody was quicker."""
    with transaction.atomic():
        Claim.objects.filter(case=case, ended_at=None, until__lte=now).update(ended_at=F("until"))
        taken = Claim.objects.create(case=case, by=by, since=now, until=now + settings.CLAIM_LEASE)
    record(action=Action.READING_CLAIMED, by=by, target=case, now=now)
    return taken


def prolong(held: Claim, now: datetime) -> Claim:
    """Give the holder the whole time again."""
    held.until = now + settings.CLAIM_LEASE
    held.save(update_fields=["until"])
    return held


def end(held: Claim, now: datetime) -> None:
    """End a claim; one that ran out ended when it ran out."""
    held.ended_at = min(now, held.until)
    held.save(update_fields=["ended_at"])


def end_of(case: Case, now: datetime) -> None:
    """End whatever claim is still open on a case."""
    held = selectors.open_claim(case)
    if held:
        end(held, now)
