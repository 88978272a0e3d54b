"""Handing out the work: films to readers, held films freed, views kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import May
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.base import NotAllowed
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.review import holds, selectors
from diagnostics.review.models import Assignment, SavedView
from diagnostics.review.refusals import NoSuchReader, TooManyViews
from diagnostics.review.worklist import Wanted

MOST_VIEWS = 20


@transaction.atomic
def assign(*, cases: Iterable[Case], to: User | None, by: User, now: datetime) -> int:
    """Hand films to a reader, or to whoever comes first again; says how many."""
    _must_distribute(by)
    found = list(visible_to(by).filter(pk__in=[case.pk for case in cases], settled_at=None))
    for case in found:
        if to is not None and not selectors.readers_of([case.site_id]).filter(pk=to.pk).exists():
            raise NoSuchReader(_("This reader does not work where the film belongs."))
        Assignment.objects.filter(case=case).delete()
        if to is not None:
            Assignment.objects.create(case=case, to=to, by=by, at=now)
        detail = {"to": str(to.pk) if to else ""}
        record(action=Action.CASE_ASSIGNED, by=by, target=case, detail=detail, now=now)
    return len(found)


@transaction.atomic
def free(*, cases: Iterable[Case], by: User, now: datetime) -> int:
    """End the holds of readers who have left; says how many."""
    if not by.may(May.OVERSEE):
        raise NotAllowed(_("Only administrators free what a reader holds."))
    freed = 0
    for case in visible_to(by).filter(pk__in=[case.pk for case in cases]):
        holds.lock(case)
        held = selectors.holder(case, now)
        if held:
            holds.end(held, now)
            record(action=Action.CLAIM_ENDED, by=by, target=case, detail={"reader": str(held.by_id)}, now=now)
            freed += 1
    return freed


@transaction.atomic
def save_view(*, name: str, wanted: Wanted, by: User) -> SavedView:
    """Keep a view of the worklist under a name; the same name takes its place."""
    own = SavedView.objects.filter(owner=by)
    if own.exclude(name=name).count() >= MOST_VIEWS:
        raise TooManyViews(_("You have kept many views already. Please take one away first."))
    return SavedView.objects.update_or_create(owner=by, name=name, defaults={"query": wanted.query})[0]


def _must_distribute(by: User) -> None:
    if not by.may(May.DISTRIBUTE):
        raise NotAllowed(_("Your role may not hand out work."))
