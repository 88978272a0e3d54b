"""The number of cases in each tab of the list of cases: kept, or counted up to a limit."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.cases.selectors.lists import Selected, ordered
from diagnostics.keyset import AtLeast, counted
from diagnostics.review.selectors import case_tabs
from diagnostics.review.selectors.case_counts import FINAL, IMPORTED, OPEN, case_counts
from diagnostics.review.selectors.readings import ARE_FIRST, standing_readings
from diagnostics.review.selectors.worklist import worklist
from diagnostics.review.worklist_query import DUE_FIRST, Tab, WorklistQuery


class DayProgress(NamedTuple):
    """A reader's progress since midnight."""

    signed: int
    to_read: int

    @property
    def number(self) -> int:
        """Return the number of the case being read, counted from 1."""
        return self.signed + 1

    @property
    def total(self) -> int:
        """Return the number of cases signed and to read."""
        total = self.signed + self.to_read
        return AtLeast(total) if isinstance(self.to_read, AtLeast) else total


def counts(user: User, now: datetime) -> dict[str, int]:
    """Return the number of cases of each tab, AtLeast where it is not kept; the empty key: all open cases."""
    kept = case_counts(user)
    adjudications = _counted(user, case_tabs.selected(user, Tab.NEEDS_ADJUDICATION, now))
    return {
        "": kept[OPEN],
        Tab.TO_READ.value: (
            kept[OPEN]
            if not user.is_reader and not adjudications
            else _counted(user, case_tabs.to_read(user, now))
        ),
        Tab.MINE.value: _counted(user, case_tabs.mine(user, now)) if user.is_reader else 0,
        Tab.NEEDS_ADJUDICATION.value: adjudications,
        Tab.FINAL.value: kept[FINAL],
        Tab.FAILED.value: _counted(user, case_tabs.failed()),
        Tab.IMPORTED.value: kept[IMPORTED],
        Tab.ALL.value: sum(kept.values()),
    }


def count_of(user: User, query: WorklistQuery, by_tab: dict[str, int], now: datetime) -> int:
    """Return the number of cases of a view, from the numbers of the tabs where it has no filters."""
    if not query.has_filters:
        return by_tab[query.status]
    return counted(worklist(user, query, now=now).rows)


def day_progress(user: User, now: datetime) -> DayProgress:
    """Count a reader's first readings since midnight and the cases that the reader may still read."""
    return DayProgress(signed=signed_today(user, now), to_read=_counted(user, case_tabs.to_read(user, now)))


def signed_today(user: User, now: datetime) -> int:
    """Count a reader's first readings since midnight."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return standing_readings().filter(ARE_FIRST, by=user, signed_at__gte=midnight).count()


def _counted(user: User, selected: Selected) -> int:
    return counted(ordered(user, selected, DUE_FIRST).rows)
