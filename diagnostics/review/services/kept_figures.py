"""Counting changed cases again, so that the kept figures follow the tables (ADR 0041)."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, connection, transaction

from diagnostics.cases.models import Priority
from diagnostics.imports.models import ImportedLabel
from diagnostics.review.models import (
    CaseFigures,
    ChangedCase,
    ControlCase,
    FigureCount,
    FigureKind,
    Reading,
)
from diagnostics.review.selectors import case_rows
from diagnostics.review.selectors.case_entries import Entry, entries_of, entry, final_at_of
from diagnostics.review.selectors.case_labels import label_of
from diagnostics.review.selectors.case_rows import CaseRows

CASES_AT_ONCE: Final = 500
BATCHES_AT_ONCE: Final = 4  # of one task
LOCK: Final = 4104_2026  # of PostgreSQL; one transaction counts at a time
MICROSECOND: Final = timedelta(microseconds=1)


def bring_up_to_date() -> None:
    """Count the cases that changed lately, at most one batch, so that a page shows what was just signed."""
    if not ChangedCase.objects.exists():
        return
    try:
        recount_changed()
    except OperationalError:
        return  # the database cannot be written: the page says how many cases are not counted yet


def recount_some() -> None:
    """Count several batches of changed cases again, each in its own transaction."""
    for _batch in range(BATCHES_AT_ONCE):
        if not (ChangedCase.objects.exists() and recount_changed()):
            return


def note_all_cases() -> None:
    """Note every case that may add something, after a restore with another secret key for example."""
    sources = (
        CaseFigures.objects.values_list("case"),
        Reading.objects.order_by().values_list("case"),
        ImportedLabel.objects.order_by().values_list("case"),
        ControlCase.objects.values_list("case"),
    )
    cases = {case for source in sources for (case,) in source.iterator()}
    ChangedCase.objects.bulk_create((ChangedCase(case=case) for case in cases), batch_size=CASES_AT_ONCE)


@transaction.atomic
def recount_changed(*, most: int = CASES_AT_ONCE) -> bool:
    """Count the cases again that have been noted longest; return whether there were any."""
    _wait_for_lock()
    oldest = ChangedCase.objects.order_by("pk").values_list("case", flat=True)[:most]
    return recount(set(oldest))


@transaction.atomic
def recount(cases: Collection[UUID]) -> bool:
    """Count given cases again, also those that are deleted; return whether there were any."""
    if not cases:
        return False
    _wait_for_lock()
    # Before the rows are read: what is noted meanwhile is counted by a later call.
    noted = list(ChangedCase.objects.filter(case__in=cases).values_list("pk", flat=True))
    everyone = case_rows.with_copies(cases)
    before = {row.case: row for row in CaseFigures.objects.filter(case__in=everyone)}
    after = {pk: _counted(rows) for pk, rows in case_rows.rows_of(everyone).items()}
    after = {pk: row for pk, row in after.items() if row.entries or row.final_at}
    keys = {_patient_key(row) for row in (*before.values(), *after.values()) if row.pseudonym}
    changes = _entries(after.values())
    changes.subtract(_entries(before.values()))
    changes.subtract(_patients(keys))
    _store(before, after)
    changes.update(_patients(keys))
    _apply({key: change for key, change in changes.items() if change})
    ChangedCase.objects.filter(pk__in=noted).delete()
    return True


def _wait_for_lock() -> None:
    """Let one transaction at a time count; SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _counted(rows: CaseRows) -> CaseFigures:
    label, final_at = label_of(rows), final_at_of(rows)
    return CaseFigures(
        case=rows.case["id"],
        site_id=rows.case["site"],
        entries=[list(each) for each in entries_of(rows, label)],
        label=label.pk if label else None,
        finding=label.finding if label else "",
        pseudonym=patient_digest(rows.case["site"], rows.case["patient_ref"]) if label else "",
        signed_at=label.signed_at if label else None,
        final_at=final_at,
        took=(final_at - rows.case["opened_at"]) // MICROSECOND if final_at else None,
        is_stat=rows.case["priority"] == Priority.STAT,
    )


def patient_digest(site: UUID, patient_ref: str) -> str:
    """Return a keyed digest of a patient of a site; another key than those of snapshots and erasures."""
    text = f"figures\n{site}\n{patient_ref}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), text, sha256).hexdigest()


def _entries(counted: Iterable[CaseFigures]) -> Counter[Entry]:
    return Counter(Entry(*values) for row in counted for values in row.entries)


def _patient_key(row: CaseFigures) -> tuple[str, str]:
    return row.pseudonym, row.finding


def _patients(keys: set[tuple[str, str]]) -> Counter[Entry]:
    """Count each patient once that has a label of a finding now, of these patients and findings."""
    found = CaseFigures.objects.filter(pseudonym__in={patient for patient, _finding in keys}).order_by()
    rows = found.values_list("pseudonym", "finding", "site").distinct()
    return Counter(
        entry(site, FigureKind.PATIENT, finding)
        for patient, finding, site in rows
        if (patient, finding) in keys
    )


def _store(before: dict[UUID, CaseFigures], after: dict[UUID, CaseFigures]) -> None:
    gone = before.keys() - after.keys()
    CaseFigures.objects.filter(case__in=gone).delete()
    columns = [column.name for column in CaseFigures._meta.concrete_fields if not column.primary_key]
    CaseFigures.objects.bulk_create(
        after.values(), update_conflicts=True, unique_fields=["case"], update_fields=columns
    )


def _apply(changes: dict[Entry, int]) -> None:
    digests = {_digest(key): key for key in changes}
    stored = FigureCount.objects.in_bulk(list(digests))
    rows = []
    for digest, key in digests.items():
        row = stored.get(digest) or _row(digest, key)
        row.number += changes[key]
        rows.append(row)
    FigureCount.objects.filter(pk__in=[row.pk for row in rows if not row.number]).delete()
    FigureCount.objects.bulk_create(
        [row for row in rows if row.number],
        update_conflicts=True,
        unique_fields=["digest"],
        update_fields=["number"],
    )


def _row(digest: str, key: Entry) -> FigureCount:
    at = datetime.fromisoformat(key.at) if key.at else None
    return FigureCount(digest=digest, site_id=UUID(key.site), kind=key.kind, at=at, key=key.key, number=0)


def _digest(key: Entry) -> str:
    return sha256("\n".join(key).encode()).hexdigest()
