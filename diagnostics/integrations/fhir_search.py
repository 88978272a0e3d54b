"""The parameters of a FHIR search, checked: an unknown or unusable one is refused, never ignored."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from diagnostics.integrations.errors.fhir import InvalidSearch

PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 200
PREFIXES: Final = ("eq", "ge", "gt", "le", "lt")
IN_ANY_REQUEST: Final = frozenset({"_id", "date", "_lastUpdated", "_count", "_cursor", "_format"})
IN_A_BODY_ONLY: Final = frozenset({"identifier", "patient.identifier"})  # a URL is stored in many logs


@dataclass(frozen=True)
class Bound:
    """A condition on a time: `lookup` is gte, gt, lte or lt."""

    lookup: str
    at: datetime


@dataclass(frozen=True)
class Search:
    """A checked search."""

    ids: list[UUID] | None = None
    dates: list[Bound] = field(default_factory=list)
    updated: list[Bound] = field(default_factory=list)
    accession_number: str = ""
    patient_ref: str = ""
    count: int = PAGE_SIZE
    after: tuple[datetime, UUID] | None = None  # the last row of the previous page


def parsed(parameters: Mapping[str, Sequence[str]], *, in_body: bool) -> Search:
    """Return the search of some parameters; raises InvalidSearch."""
    known = IN_ANY_REQUEST | (IN_A_BODY_ONLY if in_body else frozenset())
    for name in parameters:
        if name in IN_A_BODY_ONLY and not in_body:
            raise InvalidSearch(
                _("Send '%(name)s' in the body of POST [type]/_search: a URL is stored in logs.")
                % {"name": name}
            )
        if name not in known:
            raise InvalidSearch(_("The search parameter '%(name)s' is not supported.") % {"name": name})
    return Search(
        ids=_ids(parameters.get("_id")),
        dates=[bound for text in parameters.get("date", ()) for bound in _bounds("date", text)],
        updated=[
            bound for text in parameters.get("_lastUpdated", ()) for bound in _bounds("_lastUpdated", text)
        ],
        accession_number=_value(parameters.get("identifier")),
        patient_ref=_value(parameters.get("patient.identifier")),
        count=_count(parameters.get("_count")),
        after=_cursor(parameters.get("_cursor")),
    )


def cursor_of(updated: datetime, pk: UUID) -> str:
    """Return the text that continues a search after a row."""
    return base64.urlsafe_b64encode(f"{updated.isoformat()}|{pk}".encode()).decode()


def _ids(given: Sequence[str] | None) -> list[UUID] | None:
    if not given:
        return None
    try:
        # An Observation has the id of its case and what it observes behind it.
        return [UUID(text[:36]) for text in ",".join(given).split(",")]
    except ValueError:
        return []  # no resource has such an id


def _value(given: Sequence[str] | None) -> str:
    """Return the value of an identifier; a system before the bar is not compared."""
    return given[0].rpartition("|")[2].strip() if given else ""


def _count(given: Sequence[str] | None) -> int:
    if not given:
        return PAGE_SIZE
    if not given[0].isascii() or not given[0].isdigit() or int(given[0][:9]) < 1:
        raise InvalidSearch(_("'_count' must be a number from 1."))
    return min(int(given[0][:9]), MAX_PAGE_SIZE)


def _cursor(given: Sequence[str] | None) -> tuple[datetime, UUID] | None:
    if not given:
        return None
    try:
        updated, _bar, pk = base64.urlsafe_b64decode(given[0]).decode().partition("|")
        return datetime.fromisoformat(updated), UUID(pk)
    except (ValueError, binascii.Error) as error:
        raise InvalidSearch(_("'_cursor' must be that of a link of an earlier page.")) from error


def _bounds(name: str, text: str) -> list[Bound]:
    prefix, rest = (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)
    start, length = _start_and_length(name, rest)
    end = start + length
    return {
        "eq": [Bound("gte", start), Bound("lt", end)],
        "ge": [Bound("gte", start)],
        "gt": [Bound("gte", end)],
        "le": [Bound("lt", end)],
        "lt": [Bound("lt", start)],
    }[prefix]


def _start_and_length(name: str, text: str) -> tuple[datetime, timedelta]:
    """Return when a date or a time begins and how long it lasts: a day, or what its last digit covers."""
    try:
        day: date | None = parse_date(text)
        if day is not None and 1 < day.year < 9999:
            return timezone.make_aware(datetime.combine(day, time.min)), timedelta(days=1)
        at = parse_datetime(text)
    except (ValueError, OverflowError):
        at = None
    if at is None or not 1 < at.year < 9999:
        raise InvalidSearch(_("'%(name)s' must be a date, or a time with its zone.") % {"name": name})
    at = at if timezone.is_aware(at) else at.replace(tzinfo=UTC)
    return at, timedelta(microseconds=1) if at.microsecond else timedelta(seconds=1)
