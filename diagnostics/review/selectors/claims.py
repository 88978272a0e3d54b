"""Claims: who holds a case, and until when."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import of_visible_cases
from diagnostics.review.models import Claim, Queue, ServedReason

CLINICAL_REASONS = (ServedReason.DUE, ServedReason.TRIAGE_SCORE, ServedReason.CHOSEN)


def active_claims(now: datetime) -> QuerySet[Claim]:
    """Return the claims that have neither ended nor expired; the withdrawal of a case ends them."""
    return Claim.objects.filter(ended_at=None, until__gt=now, case__withdrawn_at=None)


def active_claim(case: Case, now: datetime) -> Claim | None:
    """Return the active claim on a case."""
    return active_claims(now).filter(case=case).select_related("by").first()


def open_claim(case: Case) -> Claim | None:
    """Return the claim on a case that nobody has ended, even if it has expired."""
    return (
        Claim.objects.filter(case=case, ended_at=None, case__withdrawn_at=None).select_related("by").first()
    )


def claim_held_by(user: User, now: datetime) -> Claim | None:
    """Return the active claim of a reader, the oldest if there are several."""
    held = of_visible_cases(active_claims(now).filter(by=user), user)
    return held.select_related("case").order_by("since").first()


def last_claim(case: Case, user: User) -> Claim | None:
    """Return a reader's most recent claim on a case."""
    return Claim.objects.filter(case=case, by=user).order_by("-since").first()


def queue_of(case: Case, user: User) -> Queue:
    """Return the queue from which a case was served to a reader, and from which the next one comes."""
    last = last_claim(case, user)
    if last is None or last.served in CLINICAL_REASONS:
        return Queue.CLINICAL
    return Queue.ADJUDICATION if last.served == ServedReason.DISAGREEMENT else Queue.ACTIVE_LEARNING
