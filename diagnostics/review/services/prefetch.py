"""Which cases would be served next, so that their radiographs can travel while the reader looks at this one."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.review.services import claims

MAX_CASES: Final = 2


def next_cases(case: Case, by: User, now: datetime) -> list[Case]:
    """Name the cases after this one in the order of `holds.clinical`; looking claims nothing."""
    found: list[Case] = []
    for cases, _why in claims.clinical_queue(by, now):
        known = [case.pk, *(each.pk for each in found)]
        found += cases.exclude(pk__in=known)[: MAX_CASES - len(found)]
    return found
