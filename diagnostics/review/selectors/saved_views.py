"""How many radiographs the kept views of the worklist hold."""

from __future__ import annotations

from datetime import datetime

from django.http import QueryDict

from diagnostics.accounts.models import User
from diagnostics.review.models import SavedView
from diagnostics.review.selectors import worklist
from diagnostics.review.worklist_query import WorklistQuery


def saved_view_counts(user: User, now: datetime) -> dict[str, int]:
    """Count the radiographs of each view that somebody keeps, by the view's id."""
    kept = SavedView.objects.filter(owner=user)
    views = {str(view.pk): WorklistQuery.of(QueryDict(view.query)).but(sort="") for view in kept}
    # Two views of the same radiographs in another order are counted once.
    found = _counted(set(views.values()), user, now)
    return {pk: found[wanted] for pk, wanted in views.items()}


def _counted(views: set[WorklistQuery], user: User, now: datetime) -> dict[WorklistQuery, int]:
    wide = {} if all(wanted.narrows for wanted in views) else worklist.counts(user, now)
    return {
        wanted: worklist.worklist(user, wanted, now=now).count() if wanted.narrows else wide[wanted.status]
        for wanted in views
    }
