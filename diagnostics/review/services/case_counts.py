"""Sums of the changes in the numbers of cases."""

from __future__ import annotations

from collections import Counter
from typing import Final

from django.db import transaction

from diagnostics.review.models import CaseCount

MAX_ROWS: Final = 10_000  # of one transaction
GROUP: Final = ("site_id", "shown_only_to_id", "state", "withdrawn")


@transaction.atomic
def sum_up() -> bool:
    """Replace the oldest rows of each group by one row with their sum; return whether that changed anything.

    Rows that are added meanwhile stay.
    """
    rows = list(
        CaseCount.objects.select_for_update().order_by("pk")[:MAX_ROWS].values("pk", *GROUP, "change")
    )
    sums: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        sums[tuple(row[name] for name in GROUP)] += row["change"]
    if len(sums) == len(rows):
        return False
    CaseCount.objects.filter(pk__in=[row["pk"] for row in rows]).delete()
    CaseCount.objects.bulk_create(
        CaseCount(**dict(zip(GROUP, group, strict=True)), change=change)
        for group, change in sums.items()
        if change
    )
    return True
