"""Search of cases by any identifier, the patient's name or the date of the study."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.patients.models import Patient
from diagnostics.review.worklist_query import NEWEST_FIRST

MIN_LENGTH: Final = 3  # characters; fewer match too many cases
MAX_PATIENTS: Final = 500  # whose name matches
DATES: Final = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?"),
    re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"),
    re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})"),
)


def found_cases(user: User, text: str) -> QuerySet[Case]:
    """Return the visible cases that match a text, the newest first; none for a text that is too short."""
    text = text.strip()
    if len(text) < MIN_LENGTH:
        return Case.objects.none()
    matches = [
        Q(accession_number__icontains=text),
        Q(patient_ref__icontains=text),
        Q(radiograph__study_uid=text),
        *_by_id(text),
        *_by_study_date(text),
        *_by_name(user, text),
    ]
    return visible_to(user).filter(reduce(or_, matches)).order_by(*NEWEST_FIRST)


def _by_id(text: str) -> Iterable[Q]:
    try:
        return [Q(pk=UUID(text))]
    except ValueError:
        return []


def _by_study_date(text: str) -> Iterable[Q]:
    days = next((found for pattern in DATES if (found := _days(pattern.fullmatch(text)))), None)
    if days is None:
        return []
    start, end = (
        timezone.make_aware(datetime.combine(day, time.min)) for day in (days[0], days[1] + timedelta(days=1))
    )
    return [Q(radiograph__study_at__gte=start, radiograph__study_at__lt=end)]


def _days(match: re.Match[str] | None) -> tuple[date, date] | None:
    """Return the first and the last day of a date or a month; None for an impossible one."""
    if match is None:
        return None
    year, month, day = int(match["year"]), int(match["month"]), match["day"]
    try:
        first = date(year, month, int(day) if day else 1)
        following = date(year + month // 12, month % 12 + 1, 1)
    except ValueError:
        return None
    return first, first if day else following - timedelta(days=1)


def _by_name(user: User, text: str) -> Iterable[Q]:
    """Match the patients of the user's sites whose name contains every word."""
    patients = Patient.objects.filter(site__in=list(user.sites.values_list("pk", flat=True)))
    for word in text.replace(",", " ").split():
        # SQLite ignores the case of ASCII letters only.
        writings = {word, word.upper(), word.capitalize()}
        patients = patients.filter(reduce(or_, (Q(name__icontains=each) for each in sorted(writings))))
    references: dict[UUID, list[str]] = {}
    for site, reference in patients.values_list("site", "reference")[:MAX_PATIENTS]:
        references.setdefault(site, []).append(reference)
    return [Q(site=site, patient_ref__in=each) for site, each in references.items()]
