"""The words of the worklist: in which state a case is, and the filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

LONGEST_SOUGHT: Final = 64  # characters, as many as an accession number has


class State(TextChoices):
    """Where a case stands between the technician and the signed reading."""

    TO_READ = "to-read", _("To read")
    READING = "reading", _("Being read")
    SECOND_READ = "second-read", _("Second reader")
    DISAGREE = "disagree", _("Readers disagree")
    RECEIVED = "received", _("Received")
    PROCESSING = "processing", _("Processing")
    FAILED = "failed", _("Failed")
    FINAL = "final", _("Final")


class Chip(NamedTuple):
    """One filter above the table; its address is the filter."""

    words: str
    cases: int
    query: str
    current: bool


def known(status: str) -> str:
    """Keep a status that exists; anything else means no filter."""
    return status if status in State.values else ""


def sought(text: str) -> str:
    """Keep what may be an accession number; anything longer or stranger is found nowhere anyway."""
    text = text.strip()
    return text if len(text) <= LONGEST_SOUGHT and text.isprintable() else ""


def chips(counts: Mapping[str, int], *, status: str, q: str) -> list[Chip]:
    """List the filters with their counts, and mark the one in use."""
    words = [("", _("All open")), *State.choices]
    return [
        Chip(
            str(label),
            counts[value],
            urlencode({"status": value, **({"q": q} if q else {})}),
            value == status,
        )
        for value, label in words
    ]
