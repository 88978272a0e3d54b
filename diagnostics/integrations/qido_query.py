"""The query of a QIDO-RS request (PS3.18, 8.3.4 and 10.6): parsed, without a database."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from django.utils.translation import gettext as _
from pydicom.datadict import keyword_for_tag, tag_for_keyword

from diagnostics.integrations.errors.dicomweb import InvalidQuery
from ml.images.study_dates import is_plausible

MATCHED: Final = frozenset(
    {
        *("StudyDate", "AccessionNumber", "ModalitiesInStudy", "PatientName", "PatientID"),
        *("StudyInstanceUID", "Modality", "SeriesInstanceUID", "SOPInstanceUID"),
    }
)
UIDS: Final = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"})
PATIENT: Final = frozenset({"PatientName", "PatientID"})
DEFAULT_LIMIT, MAX_LIMIT, MAX_UIDS = 100, 1000, 500
MAX_VALUE, MAX_WILDCARDS = 40_000, 6  # characters
WILDCARDS: Final = frozenset("*?")


@dataclass(frozen=True, repr=False)  # a value may be the name of a patient
class QidoQuery:
    """What is searched for; a key that is empty or `*` matches everything and is left out."""

    matches: dict[str, str] = field(default_factory=dict)  # keyword -> value
    uids: dict[str, tuple[str, ...]] = field(default_factory=dict)  # keyword -> UIDs
    study_days: tuple[date | None, date | None] | None = None  # the first and the last
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    ignored: tuple[str, ...] = ()  # keys that are not supported

    @property
    def has_conditions(self) -> bool:
        """Return whether anything but a page is asked for."""
        return bool(self.matches or self.uids or self.study_days)


def parse(parameters: Iterable[tuple[str, str]]) -> QidoQuery:
    """Return the query of a request's parameters; raises InvalidQuery."""
    matches: dict[str, str] = {}
    options = {"limit": str(DEFAULT_LIMIT), "offset": "0", "fuzzymatching": "false"}
    ignored: list[str] = []
    for name, value in parameters:
        _require_plain(value)
        if name in options:
            options[name] = value.strip()
        elif name == "includefield":
            pass  # every attribute that is kept is returned
        elif (keyword := _keyword(name)) in MATCHED:
            matches[keyword] = value.strip()
        else:
            ignored.append(keyword or "unknown")
    if options["fuzzymatching"] == "true":
        ignored.append("fuzzymatching")
    days = _study_days(matches.pop("StudyDate", ""))
    return QidoQuery(
        matches={name: value for name, value in matches.items() if name not in UIDS and value.strip("*")},
        uids={name: _uids(matches[name]) for name in UIDS if matches.get(name, "*") != "*"},
        study_days=days,
        limit=min(_number(options["limit"]), MAX_LIMIT),
        offset=_number(options["offset"]),
        ignored=tuple(ignored),
    )


def _require_plain(value: str) -> None:
    too_wild = sum(sign in WILDCARDS for sign in value) > MAX_WILDCARDS
    if len(value) > MAX_VALUE or not value.isprintable() or too_wild:
        raise InvalidQuery(
            _("A value of the query is too long, or has control characters or many wildcards.")
        )


def has_wildcard(value: str) -> bool:
    """Return whether a value matches more than one text."""
    return bool(WILDCARDS & set(value))


def _keyword(name: str) -> str:
    """Return the keyword of an attribute that is given as keyword or as eight digits; empty if unknown."""
    try:
        return keyword_for_tag(int(name, 16)) if len(name) == 8 else name if tag_for_keyword(name) else ""
    except ValueError:
        return ""


def _uids(value: str) -> tuple[str, ...]:
    uids = tuple(value.replace("\\", ",").split(","))
    if len(uids) > MAX_UIDS:
        raise InvalidQuery(_("The query names too many UIDs."))
    return uids


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise InvalidQuery(_("limit and offset must be whole numbers."))
    return int(text)


def _study_days(text: str) -> tuple[date | None, date | None] | None:
    """Return the first and last day of a date range, PS3.4 C.2.2.2.5; None for any day."""
    if not text.strip("*"):
        return None
    first, dash, last = text.partition("-")
    return (_day(first), _day(last)) if dash else (_day(first), _day(first))


def _day(text: str) -> date | None:
    if not text:
        return None
    with suppress(ValueError):
        day = datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
        if is_plausible(day):
            return day
    raise InvalidQuery(_("A study date must be written YYYYMMDD or as a range of two such days."))
