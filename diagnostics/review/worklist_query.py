"""The words of the worklist: in which state a case is, and how its address names a view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from diagnostics.cases.models import Priority, View

LONGEST_SOUGHT: Final = 64  # characters, as many as an accession number has
# STAT stays on top of every order.
ORDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("stat_rank", "due_at", "pk"),
    "received": ("stat_rank", "opened_at", "pk"),
    "-received": ("stat_rank", "-opened_at", "pk"),
    "study": ("stat_rank", "radiograph__study_at", "pk"),
    "-study": ("stat_rank", "-radiograph__study_at", "pk"),
    "accession": ("stat_rank", "accession_number", "pk"),
    "-accession": ("stat_rank", "-accession_number", "pk"),
}
NOT_GIVEN: Final = "none"  # in the address, for radiographs whose view nobody gave


class WorklistState(TextChoices):
    """Where a case stands between the technician and the final label."""

    TO_READ = "to-read", _("To read")
    READING = "reading", _("Being read")
    SECOND_READ = "second-read", _("Second reader")
    DISAGREE = "disagree", _("Readers disagree")
    RECEIVED = "received", _("Received")
    PROCESSING = "processing", _("Processing")
    FAILED = "failed", _("Failed")
    FINAL = "final", _("Final")


@dataclass(frozen=True)
class WorklistQuery:
    """One view of the worklist, as its address says it; what an address cannot mean is left out."""

    status: str = ""
    priority: str = ""
    view: str = ""
    mine: str = ""
    q: str = ""
    sort: str = ""

    @classmethod
    def of(cls, address: Mapping[str, Any]) -> WorklistQuery:
        """Read an address."""
        return cls(
            status=_one_of(WorklistState.values, address.get("status", "")),
            priority=_one_of(Priority.values, address.get("priority", "")),
            view=_one_of([*filter(None, View.values), NOT_GIVEN], address.get("view", "")),
            mine=_one_of(["yes"], address.get("mine", "")),
            q=sought(address.get("q", "")),
            sort=_one_of(list(ORDERS), address.get("sort", "")),
        )

    @property
    def query(self) -> str:
        """Write the address."""
        return urlencode({name: value for name, value in vars(self).items() if value})

    @property
    def narrows(self) -> bool:
        """Say whether anything but the state narrows the view."""
        return any((self.priority, self.view, self.mine, self.q))

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """Give all but what is searched, for the search's own form."""
        return [(name, value) for name, value in vars(self).items() if value and name != "q"]

    def but(self, **changes: str) -> WorklistQuery:
        """Give the same view with something else in it."""
        return replace(self, **changes)


class FilterChip(NamedTuple):
    """One filter above the table; its address is the filter."""

    words: str
    cases: int | None
    query: str
    current: bool


def sought(text: str) -> str:
    """Keep what may be an accession number; anything longer or stranger is found nowhere anyway."""
    text = text.strip()
    return text if len(text) <= LONGEST_SOUGHT and text.isprintable() else ""


def chips(counts: Mapping[str, int], wanted: WorklistQuery) -> list[FilterChip]:
    """List the states with their counts, and mark the one in use."""
    words = [("", _("All open")), *WorklistState.choices]
    return [
        FilterChip(str(label), counts[value], wanted.but(status=value).query, value == wanted.status)
        for value, label in words
    ]


def narrowing(wanted: WorklistQuery) -> list[FilterChip]:
    """List what else may narrow the view; the one in use takes itself away."""
    views = [(value, label) for value, label in View.choices if value]
    fields = [
        ("mine", "yes", _("Handed to me")),
        *(("priority", value, label) for value, label in Priority.choices),
        *(("view", value, label) for value, label in views),
    ]
    return [_toggle(wanted, field, value, str(label)) for field, value, label in fields]


def columns(wanted: WorklistQuery) -> dict[str, FilterChip]:
    """Give the columns that sort: first one way, then the other, then as before."""
    words = {"received": _("Received"), "study": _("Study"), "accession": _("Accession")}
    nexts = {name: {"": name, name: f"-{name}", f"-{name}": ""} for name in words}
    return {
        name: FilterChip(
            str(label),
            None,
            wanted.but(sort=nexts[name].get(wanted.sort, name)).query,
            wanted.sort.lstrip("-") == name,
        )
        for name, label in words.items()
    }


def _toggle(wanted: WorklistQuery, field: str, value: str, words: str) -> FilterChip:
    current = getattr(wanted, field) == value
    return FilterChip(words, None, wanted.but(**{field: "" if current else value}).query, current)


def _one_of(known: list[str], text: str) -> str:
    return text if text in known else ""
