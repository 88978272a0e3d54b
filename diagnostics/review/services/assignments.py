"""Assignments of cases to readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.review.errors import ReaderNotBlind, UnknownReader
from diagnostics.review.models import Assignment
from diagnostics.review.selectors import queues, readers


@transaction.atomic
def assign(*, cases: Iterable[Case], to: User | None, by: User, now: datetime) -> int:
    """Assign cases to a reader, or to nobody; return how many.

    Raises NotAllowed, UnknownReader if the reader does not read at the site of a case, and ReaderNotBlind if
    the reader has read a case or seen its AI result: no reader could then read or adjudicate it.
    """
    require(by, Permission.ASSIGN)
    open_cases = _lock_open_cases(cases, by)
    if to is not None:
        _require_blind_reader(open_cases, to)
    for case in open_cases:
        Assignment.objects.filter(case=case).delete()
        if to is not None:
            Assignment.objects.create(case=case, to=to, by=by, at=now)
        detail = {"to": str(to.pk) if to else ""}
        audit.record(action=Action.CASE_ASSIGNED, by=by, target=case, detail=detail, now=now)
    return len(open_cases)


def _lock_open_cases(cases: Iterable[Case], by: User) -> list[Case]:
    """Lock the cases that are not final, in one order for all requests, and return them."""
    found = visible_to(by).filter(pk__in=[case.pk for case in cases], finalized_at=None)
    return list(found.order_by("pk").select_for_update(no_key=True, of=("self",)))


def _require_blind_reader(cases: Sequence[Case], to: User) -> None:
    for site in {case.site_id for case in cases}:
        if not readers.readers_of([site]).filter(pk=to.pk).exists():
            raise UnknownReader(_("This reader does not work at the site of the case."))
    known = Case.objects.filter(queues.known_to(to), pk__in=[case.pk for case in cases]).count()
    if known:
        text = ngettext(
            "%(reader)s has read %(n)s of these cases or seen its AI result. Choose another reader.",
            "%(reader)s has read %(n)s of these cases or seen their AI results. Choose another reader.",
            known,
        )
        raise ReaderNotBlind(text % {"reader": to.get_full_name() or to.get_username(), "n": known})
