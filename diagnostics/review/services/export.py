"""The chosen radiographs as a table to take away: where each stands, no patient, and nothing of the machine's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.csv import escape_formula
from diagnostics.errors import NotAllowed
from diagnostics.review.models import Consensus, Reading
from diagnostics.review.selectors import queues, worklist

COLUMNS: Final = (
    *("case", "accession_number", "priority", "state", "received", "due", "settled"),
    *("view", "sex", "age", "readings", "finding"),
)


@transaction.atomic
def export(*, cases: Iterable[Case], by: User, now: datetime) -> list[tuple[str, ...]]:
    """Give one line for each radiograph, what is due first on top; that it left the house is on record."""
    if not by.has_permission(Permission.DISTRIBUTE):
        raise NotAllowed(_("Your role may not take the worklist away."))
    wanted = visible_to(by).filter(pk__in=[case.pk for case in cases])
    found = worklist.with_details(wanted.order_by(*queues.URGENT_FIRST), now)
    readings, findings = _readings(found), _findings(found)
    for case in found:
        record(action=Action.CASE_EXPORTED, by=by, target=case, now=now)
    return [_line(case, readings.get(case.pk, 0), findings.get(case.pk, "")) for case in found]


def _line(case: Any, readings: int, finding: str) -> tuple[str, ...]:
    radiograph = case.radiograph
    cells = (
        *(case.pk, case.accession_number, case.priority, case.state),
        *(_moment(case.opened_at), _moment(case.due_at), _moment(case.finalized_at)),
        *(
            radiograph.view,
            radiograph.sex,
            "" if radiograph.age is None else radiograph.age,
            readings,
            finding,
        ),
    )
    return tuple(escape_formula(str(cell)) for cell in cells)


def _moment(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _readings(cases: list[Any]) -> dict[UUID, int]:
    """Count the readers of each case; an amendment is no further reader."""
    signed = Reading.objects.filter(case__in=cases, supersedes=None).order_by().values("case")
    return {row["case"]: row["readers"] for row in signed.annotate(readers=Count("pk"))}


def _findings(cases: list[Any]) -> dict[UUID, str]:
    """Give the final finding of the settled cases; whatever may still be read blind has none here."""
    final = Consensus.objects.filter(case__in=[case for case in cases if case.finalized_at is not None])
    return dict(final.values_list("case", "finding"))
