"""Handing out the work: radiographs to readers, held radiographs freed, views kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.errors import NotAllowed
from diagnostics.review.errors import UnknownReader
from diagnostics.review.models import Assignment
from diagnostics.review.selectors import claims as claims_selectors
from diagnostics.review.selectors import readers
from diagnostics.review.services import claims


@transaction.atomic
def assign(*, cases: Iterable[Case], to: User | None, by: User, now: datetime) -> int:
    """Hand radiographs to a reader, or to whoever comes first again; says how many."""
    _must_distribute(by)
    found = list(visible_to(by).filter(pk__in=[case.pk for case in cases], finalized_at=None))
    for case in found:
        if to is not None and not readers.readers_of([case.site_id]).filter(pk=to.pk).exists():
            raise UnknownReader(_("This reader does not work where the radiograph belongs."))
        Assignment.objects.filter(case=case).delete()
        if to is not None:
            Assignment.objects.create(case=case, to=to, by=by, at=now)
        detail = {"to": str(to.pk) if to else ""}
        record(action=Action.CASE_ASSIGNED, by=by, target=case, detail=detail, now=now)
    return len(found)


@transaction.atomic
def unassign(*, cases: Iterable[Case], by: User, now: datetime) -> int:
    """End the holds of readers who have left; says how many."""
    if not by.has_permission(Permission.OVERSEE):
        raise NotAllowed(_("Only administrators free what a reader holds."))
    freed = 0
    for case in visible_to(by).filter(pk__in=[case.pk for case in cases]):
        claims.lock_case(case)
        held = claims_selectors.claim_on(case, now)
        if held:
            claims.end_claim(held, now)
            record(action=Action.CLAIM_ENDED, by=by, target=case, detail={"reader": str(held.by_id)}, now=now)
            freed += 1
    return freed


def _must_distribute(by: User) -> None:
    if not by.has_permission(Permission.DISTRIBUTE):
        raise NotAllowed(_("Your role may not hand out work."))
