"""CSV exports of selected cases and of first readings, without patient references or AI results."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.csv import escape_formula
from diagnostics.review.models import Consensus, Reading
from diagnostics.review.note_template import codes
from diagnostics.review.selectors import reader_agreement, worklist
from diagnostics.review.selectors.readings import standing_readings
from diagnostics.review.worklist_query import DUE_FIRST, STAT_FIRST

COLUMNS: Final = (
    *("case", "accession_number", "priority", "state", "received", "due", "finalized"),
    *("view", "sex", "age", "readings", "finding", "structured_note"),
)


@transaction.atomic
def export(*, cases: Iterable[Case], by: User, now: datetime) -> list[tuple[str, ...]]:
    """Return one row per visible case, by due time, STAT first, and audit the export of each."""
    require(by, Permission.ASSIGN)
    visible = visible_to(by).filter(pk__in=[case.pk for case in cases], withdrawn_at=None)
    rows = worklist.with_details(visible.order_by(STAT_FIRST.field, *DUE_FIRST), now)
    readings, findings = _reading_counts(rows), _final_findings(rows)
    audit.record_each(action=Action.CASE_EXPORTED, by=by, targets=rows, now=now)
    notes = _structured_notes(findings)
    return [
        _row(case, readings.get(case.pk, 0), findings.get(case.pk, ""), notes.get(case.pk, ""))
        for case in rows
    ]


@transaction.atomic
def export_first_readings(*, by: User, now: datetime) -> QuerySet[Reading]:
    """Return the first readings up to now at the sites of a user, and audit the export with their number."""
    require(by, Permission.MANAGE_READERS)
    first = reader_agreement.first_readings(by).filter(case__withdrawn_at=None, signed_at__lte=now)
    numbers = first.order_by().aggregate(readings=Count("pk"), cases=Count("case", distinct=True))
    audit.record(action=Action.READINGS_EXPORTED, by=by, detail=numbers, now=now)
    return first


def _row(case: Any, readings: int, finding: str, structured_note: str) -> tuple[str, ...]:
    radiograph = case.radiograph
    age = "" if radiograph.age is None else radiograph.age
    cells = (
        *(case.pk, case.accession_number, case.priority, case.state),
        *(_iso(case.opened_at), _iso(case.due_at), _iso(case.finalized_at)),
        *(radiograph.view, radiograph.sex, age, readings, finding, structured_note),
    )
    return tuple(escape_formula(str(cell)) for cell in cells)


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _reading_counts(cases: list[Any]) -> dict[UUID, int]:
    """Count the readings of each case; an amendment does not count again."""
    signed = standing_readings().filter(case__in=cases, supersedes=None).order_by().values("case")
    return {row["case"]: row["readings"] for row in signed.annotate(readings=Count("pk"))}


def _final_findings(cases: list[Any]) -> dict[UUID, str]:
    """Return the final findings; a case that may still be read blind has none."""
    final = Consensus.objects.filter(case__in=[case for case in cases if case.finalized_at is not None])
    return dict(final.values_list("case", "finding"))


def _structured_notes(findings: dict[UUID, str]) -> dict[UUID, str]:
    """Return the structured note of the newest current reading with the final finding of each case."""
    current = standing_readings().filter(case__in=findings, superseded_by=None).order_by("signed_at")
    return {
        reading.case_id: codes(reading.structured)
        for reading in current
        if reading.structured and reading.finding == findings[reading.case_id]
    }
