"""Which cases would be served next, so that their films can travel while the reader looks at this one."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.review import holds

MOST: Final = 2


def coming(case: Case, by: User, now: datetime) -> list[Case]:
    """Name the cases after this one in the order of `holds.clinical`; looking claims nothing."""
    found: list[Case] = []
    for cases, _why in holds.clinical(by, now):
        known = [case.pk, *(each.pk for each in found)]
        found += cases.exclude(pk__in=known)[: MOST - len(found)]
    return found
