"""Audit of lists and searches: how many cases were returned, by which filters, never whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case


def record_list(
    *, cases: Sequence[Case], filters: Mapping[str, object], identifiers: bool, by: User, now: datetime
) -> None:
    """Record one event for a list; `identifiers` tells whether it shows full patient references."""
    detail = _detail(len(cases), filters) | {"references": "full" if identifiers else "masked"}
    audit.record(action=Action.CASES_LISTED, by=by, detail=detail, now=now)


def record_search(*, found: int, filters: Mapping[str, object], by: User, now: datetime) -> None:
    """Record one event for a search; the text is not stored, because it may be a patient's name."""
    audit.record(action=Action.CASES_SEARCHED, by=by, detail=_detail(found, filters), now=now)


def _detail(count: int, filters: Mapping[str, object]) -> dict[str, object]:
    return {"cases": count, "filters": [name for name, value in filters.items() if value]}
