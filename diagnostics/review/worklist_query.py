"""One view of the worklist as a value: its filters, its order and its query string."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from diagnostics.cases.models import Priority, View

MAX_SEARCH_LENGTH: Final = 64  # characters: the length of an accession number
DUE_FIRST: Final = ("stat_rank", "due_at", "pk")
# STAT cases come first in every order.
ORDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "": DUE_FIRST,
    "received": ("stat_rank", "opened_at", "pk"),
    "-received": ("stat_rank", "-opened_at", "pk"),
    "study": ("stat_rank", "radiograph__study_at", "pk"),
    "-study": ("stat_rank", "-radiograph__study_at", "pk"),
    "accession": ("stat_rank", "accession_number", "pk"),
    "-accession": ("stat_rank", "-accession_number", "pk"),
}
NOT_GIVEN: Final = "none"  # query value that selects radiographs without a view position


class WorklistState(TextChoices):
    """The state of a case between arrival and final finding."""

    TO_READ = "to-read", _("To read")
    READING = "reading", _("Being read")
    SECOND_READ = "second-read", _("Awaiting second read")
    NEEDS_ADJUDICATION = "needs-adjudication", _("Needs adjudication")
    RECEIVED = "received", _("Received")
    PROCESSING = "processing", _("Processing")
    FAILED = "failed", _("Failed")
    FINAL = "final", _("Final")


@dataclass(frozen=True)
class WorklistQuery:
    """The filters and the order of a worklist view."""

    status: str = ""
    priority: str = ""
    view: str = ""
    mine: str = ""
    q: str = ""
    sort: str = ""

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> WorklistQuery:
        """Parse query parameters; ignore unknown values."""
        return cls(
            status=_known(params.get("status", ""), WorklistState.values),
            priority=_known(params.get("priority", ""), Priority.values),
            view=_known(params.get("view", ""), [*filter(None, View.values), NOT_GIVEN]),
            mine=_known(params.get("mine", ""), ["yes"]),
            q=_search_text(params.get("q", "")),
            sort=_known(params.get("sort", ""), list(ORDERS)),
        )

    @property
    def query(self) -> str:
        """Return the query string."""
        return urlencode({name: value for name, value in vars(self).items() if value})

    @property
    def has_filters(self) -> bool:
        """Return whether anything but the state filters the cases."""
        return any((self.priority, self.view, self.mine, self.q))

    @property
    def hidden_fields(self) -> list[tuple[str, str]]:
        """Return all parameters but the search text, for the search form."""
        return [(name, value) for name, value in vars(self).items() if value and name != "q"]

    def but(self, **changes: str) -> WorklistQuery:
        """Return the same query with some parameters changed."""
        return replace(self, **changes)


def _search_text(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MAX_SEARCH_LENGTH and text.isprintable() else ""


def _known(text: str, values: list[str]) -> str:
    return text if text in values else ""
