"""TODO: diagnostics.review.services.saved_views."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.review.errors import TooManyViews
from diagnostics.review.models import SavedView
from diagnostics.review.worklist_query import WorklistQuery

MAX_VIEWS = 20


@transaction.atomic
def save_view(*, name: str, wanted: WorklistQuery, by: User) -> SavedView:
    """Keep a view of the worklist under a name; the same name takes its place."""
    own = SavedView.objects.filter(owner=by)
    if own.exclude(name=name).count() >= MAX_VIEWS:
        raise TooManyViews(_("You have kept many views already. Please take one away first."))
    return SavedView.objects.update_or_create(owner=by, name=name, defaults={"query": wanted.query})[0]
