"""Search of cases by any identifier, the patient's name or the date of the study."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, Radiograph
from diagnostics.cases.selectors import shown_to, site_ids
from diagnostics.cases.selectors.lists import Selected, visible_among
from diagnostics.keyset import MAX_COUNTED, AtLeast
from diagnostics.review.selectors import search_index
from diagnostics.review.study_date import days_of
from diagnostics.review.worklist_query import NEWEST_FIRST

MIN_LENGTH: Final = 3  # characters; fewer match too many cases
MOST: Final = MAX_COUNTED + 1  # matches read of each kind; one more than are counted


@dataclass(frozen=True)
class FoundCases:
    """The ids of the cases that match a search, the newest first; AtLeast `count` of many."""

    keys: list[UUID]
    count: int


def search(user: User, text: str) -> FoundCases:
    """Return the visible cases that match a text; none for a text that is too short.

    Of many matches only as many are read as are counted, and these are returned.
    """
    text = text.strip()
    if len(text) < MIN_LENGTH or not text.isprintable():
        return FoundCases([], 0)
    sites = site_ids(user)
    matches = [
        _by_id(text),
        search_index.cases(sites, text, MOST),
        _cases_of(Radiograph.objects.filter(site__in=sites, study_uid=text)),
        _by_study_date(sites, text),
        _of_patients(user, search_index.patients(sites, text, MOST)),
    ]
    visible = visible_among(user, Q(pk__in={key for keys in matches for key in keys}))
    keys = list(visible.order_by(*NEWEST_FIRST).values_list("pk", flat=True))
    is_cut = len(keys) >= MOST or any(len(each) >= MOST for each in matches)
    return FoundCases(keys[:MAX_COUNTED], AtLeast(MAX_COUNTED) if is_cut else len(keys))


def accession_selected(user: User, text: str) -> Selected:
    """Select the cases by a part of their accession number."""
    condition = Q(accession_number__icontains=text)
    if len(text) < MIN_LENGTH:
        return Selected(condition)
    found = search_index.cases(site_ids(user), text, MOST, by_reference=False)
    return Selected(condition, Q(pk__in=found) if len(found) < MOST else None)


def _by_id(text: str) -> list[UUID]:
    try:
        return [UUID(text)]
    except ValueError:
        return []


def _by_study_date(sites: Sequence[UUID], text: str) -> list[UUID]:
    days = days_of(text)
    if days is None:
        return []
    start, end = (
        timezone.make_aware(datetime.combine(day, time.min)) for day in (days[0], days[1] + timedelta(days=1))
    )
    # The newest of each site, so that an index has them in this order.
    return [
        key
        for site in sites
        for key in _cases_of(
            Radiograph.objects.filter(site=site, study_at__gte=start, study_at__lt=end).order_by("-study_at")
        )
    ]


def _cases_of(radiographs: QuerySet[Radiograph]) -> list[UUID]:
    return list(radiographs.values_list("case", flat=True)[:MOST])


def _of_patients(user: User, patients: Iterable[search_index.PatientKey]) -> list[UUID]:
    """Return the cases of patients; MOST of them where there are as many patients."""
    references: dict[UUID, list[str]] = {}
    for site, reference in patients:
        references.setdefault(site, []).append(reference)
    if not references:
        return []
    of_patients = reduce(or_, (Q(site=site, patient_ref__in=each) for site, each in references.items()))
    cases = Case.objects.filter(of_patients, shown_to(user)).order_by()
    return list(cases.values_list("pk", flat=True)[:MOST])
