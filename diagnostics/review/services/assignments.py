"""Assignments of cases to readers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.review.errors import UnknownReader
from diagnostics.review.models import Assignment
from diagnostics.review.selectors import readers


@transaction.atomic
def assign(*, cases: Iterable[Case], to: User | None, by: User, now: datetime) -> int:
    """Assign cases to a reader, or to nobody; return how many.

    Raises NotAllowed, and UnknownReader if the reader does not read at the site of a case.
    """
    require(by, Permission.ASSIGN)
    open_cases = list(visible_to(by).filter(pk__in=[case.pk for case in cases], finalized_at=None))
    for case in open_cases:
        if to is not None and not readers.readers_of([case.site_id]).filter(pk=to.pk).exists():
            raise UnknownReader(_("This reader does not work at the site of the case."))
        Assignment.objects.filter(case=case).delete()
        if to is not None:
            Assignment.objects.create(case=case, to=to, by=by, at=now)
        detail = {"to": str(to.pk) if to else ""}
        audit.record(action=Action.CASE_ASSIGNED, by=by, target=case, detail=detail, now=now)
    return len(open_cases)
