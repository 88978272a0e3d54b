"""TODO: diagnostics.review.selectors.claims."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.review.models import Claim, Queue, ServedReason


def open_claim(case: Case) -> Claim | None:
    """Return the claim on a case that nobody has ended yet, even where its time has run out."""
    return Claim.objects.filter(case=case, ended_at=None).select_related("by").first()


def claim_held_by(user: User, now: datetime) -> Claim | None:
    """Return the claim that a reader still holds, the oldest where there are several."""
    mine = Claim.objects.filter(by=user, ended_at=None, until__gt=now, case__in=visible_to(user))
    return mine.select_related("case").order_by("since").first()


def claim_on(case: Case, now: datetime) -> Claim | None:
    """Return the claim that holds a case now."""
    return Claim.objects.filter(case=case, ended_at=None, until__gt=now).select_related("by").first()


def last_claim(case: Case, user: User) -> Claim | None:
    """Return how a reader last came to a case."""
    return Claim.objects.filter(case=case, by=user).order_by("-since").first()


def queue_of(case: Case, user: User) -> Queue:
    """Say from which queue a reader came to a case, and so goes on with."""
    last = last_claim(case, user)
    if last is None or last.served in (ServedReason.DUE, ServedReason.SUSPECTED, ServedReason.CHOSEN):
        return Queue.CLINICAL
    return Queue.DISAGREEMENTS if last.served == ServedReason.DISAGREEMENT else Queue.LEARNING


def active_claims(now: datetime) -> QuerySet[Claim]:
    return Claim.objects.filter(ended_at=None, until__gt=now)
