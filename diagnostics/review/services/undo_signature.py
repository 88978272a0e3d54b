"""Taking a signature back at once: a slip of the hand, before anything but the radiograph has been seen."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.cases.models import Case, PredictionShown
from diagnostics.review.errors import UndoExpired
from diagnostics.review.models import Claim, Reading, ServedReason
from diagnostics.review.selectors import claims as claims_selectors
from diagnostics.review.services import claims, permissions
from diagnostics.review.services.consensus import reopen

OFFERED: Final = timedelta(seconds=10)
GRANTED: Final = timedelta(seconds=15)  # the way of the request included


def undoable_reading(user: User, now: datetime) -> Reading | None:
    """Give the reading that its reader may still take back; None where there is none."""
    last = Reading.objects.filter(by=user, signed_at__gt=now - OFFERED).select_related("case")
    reading = last.order_by("-signed_at").first()
    return reading if reading and not _stands(reading, now) else None


@transaction.atomic
def undo_signature(*, case: Case, by: User, now: datetime) -> Claim:
    """Undo a signature of some seconds ago and hand its reader the radiograph again; it stays on record.

    Refused once the reader may have seen the machine's answer or a colleague's word: a reading given after
    that would no longer be blind.
    """
    permissions.require_readable(case, by)
    claims.lock_reader(by)
    case = claims.lock_case(case)
    reading = Reading.objects.filter(case=case, by=by).order_by("-signed_at").first()
    why_not = _stands(reading, now) if reading else _("You have not signed this case.")
    if reading is None or why_not:
        raise UndoExpired(str(why_not))
    served = claims_selectors.last_claim(case, by)
    detail = {"reading": str(reading.pk), "finding": reading.finding, "confidence": reading.confidence}
    reading.delete()
    reopen(case)
    record(action=Action.SIGNATURE_UNDONE, by=by, target=case, detail=detail, now=now)
    _let_go_of_the_next(by, now)
    return claims.create_claim(
        case, by, now, served=ServedReason(served.served) if served else ServedReason.CHOSEN
    )


def _stands(reading: Reading, now: datetime) -> str:
    """Say why a signature cannot be taken back; nothing where it can."""
    case, by = reading.case_id, reading.by_id
    if now - reading.signed_at > GRANTED or reading.supersedes_id:
        return _("The signature stands. You may open the case and amend your reading.")
    if PredictionShown.objects.filter(case=case, to=by).exists():
        return _("You have seen the machine's answer since. You may amend your reading.")
    if Reading.objects.filter(case=case).exclude(by=by).exists():
        return _("A colleague has read this radiograph too. You may amend your reading.")
    return ""


def _let_go_of_the_next(by: User, now: datetime) -> None:
    """Free the radiograph that came after the signature; as if it had not come, so that it comes next again."""
    held = claims_selectors.claim_held_by(by, now)
    if held:
        record(action=Action.READING_RELEASED, by=by, target=held.case, now=now)
        held.delete()
