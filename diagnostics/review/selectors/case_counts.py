"""The numbers of cases by state, read from the sums that the database keeps."""

from __future__ import annotations

from typing import Final

from django.db.models import Q, Sum

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.review.models import CaseCount

OPEN: Final = "open"
FINAL: Final = "final"
IMPORTED: Final = "imported"
WITHDRAWN: Final = "withdrawn"


def case_counts(user: User) -> dict[str, int]:
    """Return the number of visible cases that are open, final, imported and withdrawn."""
    numbers = dict.fromkeys((OPEN, FINAL, IMPORTED, WITHDRAWN), 0)
    if not user.has_permission(Permission.SEE_CASES):
        return numbers
    sites = list(user.sites.values_list("pk", flat=True))
    visible = CaseCount.objects.filter(Q(shown_only_to=None) | Q(shown_only_to=user), site__in=sites)
    for state, withdrawn, number in visible.values_list("state", "withdrawn").annotate(Sum("change")):
        numbers[WITHDRAWN if withdrawn else state] += number
    return numbers
