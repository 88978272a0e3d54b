"""Cases and patients that contain a text, found by the trigram indexes of the database (migration 0007).

PostgreSQL has them on the columns. SQLite has full-text tables of them, which triggers keep. Both find a text
of three characters or more anywhere in a value. For a name of shorter words only, all names are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from diagnostics.cases.models import Case
from diagnostics.patients.models import Patient
from diagnostics.patients.selectors import PatientKey as PatientKey

TRIGRAM: Final = 3  # characters


def cases(sites: Sequence[UUID], text: str, most: int, *, by_reference: bool = True) -> list[UUID]:
    """Return cases whose accession number, or patient reference, contains a text.

    SQLite returns those that were admitted last.
    """
    if not sites:
        return []
    if connection.vendor == "sqlite":
        columns = "{accession reference}" if by_reference else "accession"
        return _matching("case", f"{columns} : {_phrase(text)}", sites, most)
    condition = Q(accession_number__icontains=text)
    if by_reference:
        condition |= Q(patient_ref__icontains=text)
    found = Case.objects.filter(condition, site__in=sites).order_by()
    return list(found.values_list("pk", flat=True)[:most])


def patients(sites: Sequence[UUID], text: str, most: int) -> list[PatientKey]:
    """Return the patients whose name contains every word of a text."""
    words = text.replace(",", " ").split()
    named = Patient.objects.filter(site__in=sites).order_by()
    indexed = [word for word in words if len(word) >= TRIGRAM]
    if connection.vendor == "sqlite" and indexed:
        phrases = " AND ".join(_phrase(word) for word in indexed)
        # Short words are compared below, so that more patients have to be read than are wanted.
        limit = most if len(indexed) == len(words) else most * most
        named = Patient.objects.filter(pk__in=_matching("patient", phrases, sites, limit)).order_by()
        words = [word for word in words if word not in indexed]
    for word in words:
        named = _with_word(named, word)
    return list(named.values_list("site", "reference")[:most])


def _with_word(named: QuerySet[Patient], word: str) -> QuerySet[Patient]:
    # SQLite ignores the case of ASCII letters only.
    writings: Iterable[str] = sorted({word, word.upper(), word.capitalize()})
    return named.filter(reduce(or_, (Q(name__icontains=each) for each in writings)))


def _phrase(text: str) -> str:
    quoted = text.replace('"', '""')
    return f'"{quoted}"'


def _matching(kind: str, query: str, sites: Sequence[UUID], most: int) -> list[UUID]:
    """Return the keys of the rows of a full-text table that match, the last added first."""
    placeholders = ", ".join(["%s"] * len(sites))
    statement = (
        f"SELECT found.key FROM search_{kind}_text"  # noqa: S608  `kind` is ours
        f" CROSS JOIN search_{kind} found ON found.id = search_{kind}_text.rowid"  # read in this order
        f" WHERE search_{kind}_text MATCH %s AND found.site_id IN ({placeholders})"
        f" ORDER BY search_{kind}_text.rowid DESC LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [query, *(site.hex for site in sites), most])
        return [UUID(key) for (key,) in cursor.fetchall()]
