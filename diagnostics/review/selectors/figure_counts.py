"""Reads of the kept figures."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet, Sum

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.review.models import CaseFigures, ChangedCase, FigureCount, FigureKind

MOST_NAMED: Final = 10_000  # of the cases that are not counted yet

Key = tuple[Any, ...]


def numbers_of(user: User, kind: FigureKind) -> Counter[Key]:
    """Return the numbers of one kind at the user's sites by key; none without the permission to see cases."""
    if not user.has_permission(Permission.SEE_CASES):
        return Counter()
    return _by_key(FigureCount.objects.filter(kind=kind, site__in=list(_sites(user))))


def numbers_of_all_sites(kind: FigureKind) -> Counter[Key]:
    """Return the numbers of one kind by the name of the site and the key, without demonstration sites."""
    counts: Counter[Key] = Counter()
    rows = FigureCount.objects.filter(kind=kind, site__is_demonstration=False)
    for site, key, number in rows.values_list("site__name", "key", "number"):
        counts[site, *_key(key)] += number
    return counts


def total(kind: FigureKind) -> int:
    """Return the number of one kind at all sites."""
    return FigureCount.objects.filter(kind=kind).aggregate(sum=Sum("number"))["sum"] or 0


def numbers_between(user: User, kind: FigureKind, start: datetime, end: datetime) -> Counter[Key]:
    """Return the numbers of the hours that begin in a period by key."""
    rows = FigureCount.objects.filter(kind=kind, site__in=list(_sites(user)), at__gte=start, at__lt=end)
    return _by_key(rows)


def signed_labels_since(start: datetime) -> int:
    """Return the number of signed training labels that became final after a time."""
    sites = list(Site.objects.filter(is_demonstration=False).values_list("pk", flat=True))  # for the index
    return CaseFigures.objects.filter(signed_at__gt=start, site__in=sites).count()


def uncounted_cases() -> int:
    """Return how many changed cases are not counted yet, at most 10,000; some may be named more than once."""
    return ChangedCase.objects.order_by("pk")[:MOST_NAMED].count()


def _sites(user: User) -> QuerySet[Any, Any]:
    return user.sites.values_list("pk", flat=True)


def _by_key(rows: QuerySet[FigureCount]) -> Counter[Key]:
    sums = rows.order_by().values_list("key").annotate(sum=Sum("number"))
    return Counter({_key(key): number for key, number in sums})


def _key(text: str) -> Key:
    return tuple(tuple(part) if isinstance(part, list) else part for part in json.loads(text))
