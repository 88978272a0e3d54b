"""Radiographs whose truth is known: which they are, and the page on which administrators choose them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.errors import NotAllowed
from diagnostics.review.errors import AssistedReadingPending
from diagnostics.review.models import ControlPurpose, ReferenceCase
from diagnostics.review.services import claims


@transaction.atomic
def set_reference_case(*, case: Case, finding: str, basis: str, by: User, now: datetime) -> ReferenceCase:
    """Say what is known to be true of a radiograph; a radiograph for whose patient somebody waits is refused."""
    _must_oversee(case, by)
    case = claims.lock_case(case)
    if case.on_worklist and case.finalized_at is None:
        raise AssistedReadingPending(
            _("This radiograph still waits for its reader. Its truth can be set once it is read.")
        )
    known, _created = ReferenceCase.objects.update_or_create(
        case=case, defaults={"finding": finding, "basis": basis, "by": by, "at": now, "retired_at": None}
    )
    detail = {"finding": finding, "basis": basis}
    record(action=Action.REFERENCE_CASE_SET, by=by, target=case, detail=detail, now=now)
    return known


@transaction.atomic
def retire_reference_case(*, case: Case, by: User, now: datetime) -> None:
    """Put a gold case before no more readers; what readers said of it still counts."""
    _must_oversee(case, by)
    if ReferenceCase.objects.filter(case=case, retired_at=None).update(retired_at=now):
        record(action=Action.REFERENCE_CASE_RETIRED, by=by, target=case, now=now)


def reference_cases(user: User) -> QuerySet[ReferenceCase, Any]:
    """List the gold cases of somebody's sites, with how many readers had and have read a copy."""
    copies = Q(case__copies__mixed_in__purpose=ControlPurpose.GOLD)
    return (
        ReferenceCase.objects.filter(case__in=visible_to(user))
        .select_related("case__radiograph", "by")
        .annotate(
            served=Count("case__copies", filter=copies, distinct=True),
            read=Count("case__copies__readings__by", filter=copies, distinct=True),
        )
        .order_by("retired_at", "-at", "pk")
    )


def _must_oversee(case: Case, by: User) -> None:
    if not by.has_permission(Permission.OVERSEE) or not visible_to(by).filter(pk=case.pk).exists():
        raise NotAllowed(_("Only administrators of the site say what is known of a radiograph."))
