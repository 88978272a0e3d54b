"""Save and delete views of the worklist."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.review.errors import TooManyViews
from diagnostics.review.models import SavedView
from diagnostics.review.worklist_query import WorklistQuery

MAX_VIEWS: Final = 20  # per user


@transaction.atomic
def save_view(*, name: str, query: WorklistQuery, by: User) -> SavedView:
    """Save a view under a name and replace the user's view of that name; raises TooManyViews."""
    own = SavedView.objects.filter(owner=by)
    if own.exclude(name=name).count() >= MAX_VIEWS:
        raise TooManyViews(_("You have saved the maximum number of views. Please delete one first."))
    return SavedView.objects.update_or_create(owner=by, name=name, defaults={"query": query.query})[0]


def delete_view(*, pk: UUID, by: User) -> None:
    """Delete one of the user's own views; raises SavedView.DoesNotExist for any other."""
    SavedView.objects.get(pk=pk, owner=by).delete()
