"""Numbers of cases in the saved views of the list of cases."""

from __future__ import annotations

from datetime import datetime

from django.http import QueryDict

from diagnostics.accounts.models import User
from diagnostics.review.models import SavedView
from diagnostics.review.selectors import list_counts, worklist
from diagnostics.review.worklist_query import WorklistQuery


def saved_view_counts(user: User, now: datetime) -> dict[str, int]:
    """Count the cases of each of a user's saved views, AtLeast some of many, by the id of the view."""
    views = SavedView.objects.filter(owner=user)
    queries = {str(view.pk): _query_of(view, user) for view in views}
    # Views that differ only in their order are counted once.
    counts = _counts(set(queries.values()), user, now)
    return {pk: counts[query] for pk, query in queries.items()}


def _query_of(view: SavedView, user: User) -> WorklistQuery:
    return worklist.resolved(WorklistQuery.of(QueryDict(view.query)), user).but(sort="")


def _counts(queries: set[WorklistQuery], user: User, now: datetime) -> dict[WorklistQuery, int]:
    by_tab = {} if all(query.has_filters for query in queries) else list_counts.counts(user, now)
    return {query: list_counts.count_of(user, query, by_tab, now) for query in queries}
