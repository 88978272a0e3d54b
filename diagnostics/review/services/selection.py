"""Selecting cases for the active-learning queue."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.review.models import SelectedCase
from diagnostics.review.selectors.queues import open_cases


@transaction.atomic
def select_cases(*, cases: Collection[UUID], by: User, now: datetime) -> list[UUID]:
    """Serve these cases first in the active-learning queue and return those that are new in it.

    Only open cases of the user's sites count. Readers are told the reason after their reading.
    """
    require(by, Permission.MANAGE_READERS)
    chosen = open_cases(by).filter(pk__in=cases, copy_of=None, selected_case=None)
    added = list(chosen.order_by("pk").select_related("site"))
    SelectedCase.objects.bulk_create(
        (SelectedCase(case=case, by=by, at=now) for case in added), ignore_conflicts=True
    )
    audit.record_each(action=Action.CASE_SELECTED, by=by, targets=added, now=now)
    return [case.pk for case in added]
