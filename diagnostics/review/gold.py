"""Films whose truth is known: which they are, and the page on which administrators choose them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import May
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.base import NotAllowed
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.review import holds
from diagnostics.review.models import GoldCase, Purpose
from diagnostics.review.refusals import StillWaiting


@transaction.atomic
def set_gold(*, case: Case, finding: str, basis: str, by: User, now: datetime) -> GoldCase:
    """Say what is known to be true of a film; a film for whose patient somebody waits is refused."""
    _must_oversee(case, by)
    case = holds.lock(case)
    if case.listed and case.settled_at is None:
        raise StillWaiting(_("This film still waits for its reader. Its truth can be set once it is read."))
    known, _created = GoldCase.objects.update_or_create(
        case=case, defaults={"finding": finding, "basis": basis, "by": by, "at": now, "retired_at": None}
    )
    detail = {"finding": finding, "basis": basis}
    record(action=Action.GOLD_CASE_SET, by=by, target=case, detail=detail, now=now)
    return known


@transaction.atomic
def retire(*, case: Case, by: User, now: datetime) -> None:
    """Put a gold case before no more readers; what readers said of it still counts."""
    _must_oversee(case, by)
    if GoldCase.objects.filter(case=case, retired_at=None).update(retired_at=now):
        record(action=Action.GOLD_CASE_RETIRED, by=by, target=case, now=now)


def gold_cases(user: User) -> QuerySet[GoldCase, Any]:
    """List the gold cases of somebody's sites, with how many readers had and have read a copy."""
    copies = Q(case__copies__mixed_in__purpose=Purpose.GOLD)
    return (
        GoldCase.objects.filter(case__in=visible_to(user))
        .select_related("case__radiograph", "by")
        .annotate(
            served=Count("case__copies", filter=copies, distinct=True),
            read=Count("case__copies__readings__by", filter=copies, distinct=True),
        )
        .order_by("retired_at", "-at", "pk")
    )


def _must_oversee(case: Case, by: User) -> None:
    if not by.may(May.OVERSEE) or not visible_to(by).filter(pk=case.pk).exists():
        raise NotAllowed(_("Only administrators of the site say what is known of a film."))
