"""Sums of the changes in the numbers of cases."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from django.db import transaction
from django.db.models import Model

from diagnostics.review.models import CaseCount, WaitingCount

MAX_ROWS: Final = 10_000  # of one transaction
GROUPS: Final[dict[type[Model], tuple[str, ...]]] = {
    CaseCount: ("site_id", "shown_only_to_id", "state", "withdrawn"),
    WaitingCount: ("site_id", "priority", "due_on"),
}


def sum_up() -> bool:
    """Replace the oldest rows of each group by one row with their sum; return whether a table changed."""
    summed_up = [_sum_up(model, group) for model, group in GROUPS.items()]
    return any(summed_up)


@transaction.atomic
def _sum_up(model: Any, group: tuple[str, ...]) -> bool:
    """Sum up the rows of one table; those that are added meanwhile stay."""
    rows = list(model.objects.select_for_update().order_by("pk")[:MAX_ROWS].values("pk", *group, "change"))
    sums: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        sums[tuple(row[name] for name in group)] += row["change"]
    if len(sums) == len(rows):
        return False
    model.objects.filter(pk__in=[row["pk"] for row in rows]).delete()
    summed = ((dict(zip(group, values, strict=True)), change) for values, change in sums.items() if change)
    model.objects.bulk_create([model(**columns, change=change) for columns, change in summed])
    return True
