"""Reference cases of a site, with how often they were served and read."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import of_visible_cases
from diagnostics.review.models import ControlPurpose, ReferenceCase


def reference_case(case: Case) -> ReferenceCase | None:
    """Return the reference standard of a case, if one is set."""
    return ReferenceCase.objects.filter(case=case).first()


def reference_cases(user: User) -> QuerySet[ReferenceCase, Any]:
    """Return the reference cases of a user's sites, with `served` and `read`: counts of readers."""
    served = Q(case__copies__control_case__purpose=ControlPurpose.REFERENCE)
    read = served & Q(case__copies__readings__withdrawn_at=None)
    return (
        of_visible_cases(ReferenceCase.objects.all(), user)
        .select_related("case__radiograph", "by")
        .annotate(
            served=Count("case__copies", filter=served, distinct=True),
            read=Count("case__copies__readings__by", filter=read, distinct=True),
        )
        .order_by("retired_at", "-at", "pk")
    )
