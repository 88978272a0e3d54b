"""Undo a signature within seconds, while the reader has seen nothing but the radiograph.

The reading stays on record, marked as withdrawn, and counts nowhere.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.review.errors import CannotUndo
from diagnostics.review.models import Claim, Reading, ServedReason
from diagnostics.review.selectors import claims as claim_selectors
from diagnostics.review.selectors import readings
from diagnostics.review.services import claims, permissions
from diagnostics.review.services.consensus import reopen
from diagnostics.review.services.locks import lock_case, lock_reader

OFFERED: Final = timedelta(seconds=10)
GRANTED: Final = timedelta(seconds=15)  # includes the time of the request


def undoable_reading(user: User, now: datetime) -> Reading | None:
    """Return the reading whose signature the user may undo; None if there is none."""
    recent = readings.standing_readings().filter(by=user, signed_at__gt=now - OFFERED)
    reading = recent.select_related("case").order_by("-signed_at").first()
    return reading if reading and not _obstacle(reading, now) else None


@transaction.atomic
def undo_signature(*, case: Case, by: User, now: datetime) -> Claim:
    """Withdraw a reading signed seconds ago and claim the case again for its reader; raises CannotUndo.

    Refused once the reader may have seen the AI result or a colleague's reading, because a new reading would
    no longer be blind. Amendments cannot be undone.
    """
    permissions.require_readable(case, by)
    lock_reader(by)
    case = lock_case(case)
    reading = readings.readings_by(by, case).first()
    obstacle = _obstacle(reading, now) if reading else _("You have not signed this case.")
    if reading is None or obstacle:
        raise CannotUndo(obstacle)
    last = claim_selectors.last_claim(case, by)
    reading.withdrawn_at = now
    reading.save(update_fields=["withdrawn_at"])
    reopen(case)
    detail = {"reading": str(reading.pk), "finding": reading.finding, "confidence": reading.confidence}
    audit.record(action=Action.SIGNATURE_UNDONE, by=by, target=case, detail=detail, now=now)
    _drop_next_claim(by, now)
    served = ServedReason(last.served) if last else ServedReason.CHOSEN
    return claims.create_claim(case, by, now, served=served)


def _obstacle(reading: Reading, now: datetime) -> str:
    """Return why a signature cannot be undone; empty if it can."""
    case, by = reading.case, reading.by
    if now - reading.signed_at > GRANTED or reading.supersedes_id:
        return _("The signature can no longer be undone. You may open the case and amend your reading.")
    if readings.has_seen_prediction(case, by):
        return _("You have seen the AI result since. You may amend your reading.")
    if readings.standing_readings().filter(case=case).exclude(by=by).exists():
        return _("A colleague has also read this radiograph. You may amend your reading.")
    return ""


def _drop_next_claim(by: User, now: datetime) -> None:
    """Delete the claim made after the signature, so that its case is served next again."""
    held = claim_selectors.claim_held_by(by, now)
    if held:
        audit.record(action=Action.CASE_RELEASED, by=by, target=held.case, now=now)
        held.delete()
