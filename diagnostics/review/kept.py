"""How many films the kept views of the worklist hold."""

from __future__ import annotations

from datetime import datetime

from django.http import QueryDict

from diagnostics.accounts.models import User
from diagnostics.review import selectors
from diagnostics.review.models import SavedView
from diagnostics.review.worklist import Wanted


def films_of_views(user: User, now: datetime) -> dict[str, int]:
    """Count the films of each view that somebody keeps, by the view's id."""
    kept = SavedView.objects.filter(owner=user)
    views = {str(view.pk): Wanted.of(QueryDict(view.query)).but(sort="") for view in kept}
    # Two views of the same films in another order are counted once.
    found = _counted(set(views.values()), user, now)
    return {pk: found[wanted] for pk, wanted in views.items()}


def _counted(views: set[Wanted], user: User, now: datetime) -> dict[Wanted, int]:
    wide = {} if all(wanted.narrows for wanted in views) else selectors.counts(user, now)
    return {
        wanted: selectors.worklist(user, wanted, now=now).count() if wanted.narrows else wide[wanted.status]
        for wanted in views
    }
