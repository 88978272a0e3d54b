"""Taking a signature back at once: a slip of the hand, before anything but the film has been seen."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.cases.models import AnswerShown, Case
from diagnostics.review import holds, rights, selectors
from diagnostics.review.models import Claim, Reading, Served
from diagnostics.review.refusals import NotTakenBack
from diagnostics.review.settling import unsettle

OFFERED: Final = timedelta(seconds=10)
GRANTED: Final = timedelta(seconds=15)  # the way of the request included


def just_signed(user: User, now: datetime) -> Reading | None:
    """Give the reading that its reader may still take back; None where there is none."""
    last = Reading.objects.filter(by=user, signed_at__gt=now - OFFERED).select_related("case")
    reading = last.order_by("-signed_at").first()
    return reading if reading and not _stands(reading, now) else None


@transaction.atomic
def take_back(*, case: Case, by: User, now: datetime) -> Claim:
    """Undo a signature of some seconds ago and hand its reader the film again; it stays on record.

    Refused once the reader may have seen the machine's answer or a colleague's word: a reading given after
    that would no longer be blind.
    """
    rights.must_read(case, by)
    holds.one_at_a_time(by)
    case = holds.lock(case)
    reading = Reading.objects.filter(case=case, by=by).order_by("-signed_at").first()
    why_not = _stands(reading, now) if reading else _("You have not signed this case.")
    if reading is None or why_not:
        raise NotTakenBack(str(why_not))
    served = selectors.last_claim(case, by)
    detail = {"reading": str(reading.pk), "finding": reading.finding, "confidence": reading.confidence}
    reading.delete()
    unsettle(case)
    record(action=Action.READING_TAKEN_BACK, by=by, target=case, detail=detail, now=now)
    _let_go_of_the_next(by, now)
    return holds.take(case, by, now, served=Served(served.served) if served else Served.CHOSEN)


def _stands(reading: Reading, now: datetime) -> str:
    """Say why a signature cannot be taken back; nothing where it can."""
    case, by = reading.case_id, reading.by_id
    if now - reading.signed_at > GRANTED or reading.supersedes_id:
        return _("The signature stands. You may open the case and amend your reading.")
    if AnswerShown.objects.filter(case=case, to=by).exists():
        return _("You have seen the machine's answer since. You may amend your reading.")
    if Reading.objects.filter(case=case).exclude(by=by).exists():
        return _("A colleague has read this film too. You may amend your reading.")
    return ""


def _let_go_of_the_next(by: User, now: datetime) -> None:
    """Free the film that came after the signature; as if it had not come, so that it comes next again."""
    held = selectors.held_by(by, now)
    if held:
        record(action=Action.READING_RELEASED, by=by, target=held.case, now=now)
        held.delete()
