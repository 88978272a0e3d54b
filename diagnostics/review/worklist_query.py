"""One view of the list of cases as a value: its tab or state, its filters, its order and its query string."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from diagnostics.cases.models import Priority, View
from diagnostics.keyset import Ranks

MAX_SEARCH_LENGTH: Final = 64  # characters: the length of an accession number
STAT_FIRST: Final = Ranks("stat_rank", (0, 1))
DUE_FIRST: Final = ("due_at", "pk")
NEWEST_FIRST: Final = ("-opened_at", "-pk")
# Of one direction, so that a page can start after any case; open cases are listed STAT first in each.
ORDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "": DUE_FIRST,
    "received": ("opened_at", "pk"),
    "-received": NEWEST_FIRST,
    "study": ("listed_study_at", "pk"),
    "-study": ("-listed_study_at", "-pk"),
    "accession": ("accession_number", "pk"),
    "-accession": ("-accession_number", "-pk"),
}
NOT_GIVEN: Final = "none"  # query value that selects radiographs without a view position


class Tab(TextChoices):
    """A tab of the list of cases."""

    TO_READ = "to-read", _("To read")
    MINE = "mine", _("Mine")
    NEEDS_ADJUDICATION = "needs-adjudication", _("Needs adjudication")
    FINAL = "final", _("Final")
    FAILED = "failed", _("Failed")
    IMPORTED = "imported", _("Imported")
    ALL = "all", _("All")


class WorklistState(TextChoices):
    """The state of a case between arrival and final finding, or outside this course."""

    TO_READ = "to-read", _("To read")
    READING = "reading", _("Being read")
    SECOND_READ = "second-read", _("Awaiting second read")
    NEEDS_ADJUDICATION = "needs-adjudication", _("Needs adjudication")
    RECEIVED = "received", _("Received")
    PROCESSING = "processing", _("Processing")
    FAILED = "failed", _("Failed")
    FINAL = "final", _("Final")
    IMPORTED = "imported", _("Imported")
    WITHDRAWN = "withdrawn", _("Withdrawn")


# States of open cases that have no tab of their own.
STATE_FILTERS: Final = (
    WorklistState.RECEIVED,
    WorklistState.PROCESSING,
    WorklistState.READING,
    WorklistState.SECOND_READ,
)
# Order of the tabs that hold more than open cases; the others are listed by due time.
TAB_ORDERS: Final[Mapping[str, tuple[str, ...]]] = {
    Tab.FINAL: ("-finalized_at", "-pk"),
    Tab.IMPORTED: NEWEST_FIRST,
    Tab.ALL: NEWEST_FIRST,
}


@dataclass(frozen=True)
class WorklistQuery:
    """A tab or state of the list of cases, its filters and its order. It holds no patient data."""

    status: str = ""  # a tab or a state; empty: all open cases
    priority: str = ""
    view: str = ""
    q: str = ""  # part of an accession number, from saved views and bookmarks
    sort: str = ""

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> WorklistQuery:
        """Parse query parameters; ignore unknown values."""
        status = Tab.MINE.value if params.get("mine") == "yes" else params.get("status", "")
        return cls(
            status=_known(status, [*Tab.values, *STATE_FILTERS]),
            priority=_known(params.get("priority", ""), Priority.values),
            view=_known(params.get("view", ""), [*filter(None, View.values), NOT_GIVEN]),
            q=_printable(params.get("q", "")),
            sort=_known(params.get("sort", ""), list(ORDERS)),
        )

    @property
    def query(self) -> str:
        """Return the query string."""
        return urlencode({name: value for name, value in vars(self).items() if value})

    @property
    def has_filters(self) -> bool:
        """Return whether anything but the tab selects the cases."""
        return any((self.priority, self.view, self.q, self.status in STATE_FILTERS))

    @property
    def order(self) -> tuple[str, ...]:
        """Return the fields of the order, after STAT where `ranks` says so."""
        return ORDERS[self.sort] if self.sort else TAB_ORDERS.get(self.status, DUE_FIRST)

    @property
    def ranks(self) -> Ranks | None:
        """Return the groups before the order: STAT first, but not in tabs that hold more than open cases."""
        if self.status in TAB_ORDERS or (self.priority and not self.sort):
            return None  # the cases of one priority have an index by due time
        if self.priority:
            return Ranks(STAT_FIRST.field, (int(self.priority != Priority.STAT),))
        return STAT_FIRST

    def but(self, **changes: str) -> WorklistQuery:
        """Return the same query with some parameters changed."""
        return replace(self, **changes)


def _printable(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MAX_SEARCH_LENGTH and text.isprintable() else ""


def _known(text: str, values: list[str]) -> str:
    return text if text in values else ""
