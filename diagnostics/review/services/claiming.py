"""TODO: diagnostics.review.services.claiming."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.cases.models import Case, PredictionShown
from diagnostics.review.errors import (
    AlreadySigned,
    CaseFinal,
    ClaimedByAnother,
    ClaimExpired,
    PredictionSeen,
)
from diagnostics.review.models import Claim, Queue
from diagnostics.review.selectors import claims as claims_selectors
from diagnostics.review.selectors import readings
from diagnostics.review.services import claims, permissions

MAX_TRIES = 50  # how often another reader may win a case from us before we give up


@transaction.atomic
def claim_next(*, by: User, now: datetime, queue: Queue = Queue.CLINICAL) -> Claim | None:
    """Hand the reader the next case of a queue, or the one still held; None when there is none."""
    permissions.require_reader(by)
    claims.lock_reader(by)
    held = claims_selectors.claim_held_by(by, now)
    if held:
        return claims.extend_claim(held, now)
    for _attempt in range(MAX_TRIES):
        found = claims.next_case(queue, by, now)
        if found is None:
            return None
        try:
            return claims.create_claim(found[0], by, now, served=found[1])
        except IntegrityError:  # another reader won the case between our look and our claim
            continue
    raise ClaimedByAnother(_("Many readers are taking cases at this moment. Please try again."))


@transaction.atomic
def claim(*, case: Case, by: User, now: datetime) -> Claim:
    """Hold a case that the reader chose."""
    permissions.require_readable(case, by)
    require_open(claims.lock_case(case), by)
    held = claims_selectors.claim_on(case, now)
    if held and held.by_id == by.pk:
        return claims.extend_claim(held, now)
    if held:
        raise ClaimedByAnother(held_message(held))
    try:
        return claims.create_claim(case, by, now)
    except IntegrityError as error:
        raise ClaimedByAnother(_("Another reader has just taken this case. Take the next one.")) from error


@transaction.atomic
def renew(*, case: Case, by: User, now: datetime) -> Claim:
    """Prolong the hold of a reader who is still at work."""
    claims.lock_case(case)
    mine = claims_selectors.open_claim(case)
    if mine is None or mine.by_id != by.pk:
        raise ClaimExpired(_("Your time for this case has ended. Take the case again, or the next one."))
    return claims.extend_claim(mine, now)


@transaction.atomic
def release(*, case: Case, by: User, now: datetime) -> None:
    """Give a case back unread."""
    claims.lock_case(case)
    mine = claims_selectors.open_claim(case)
    if mine and mine.by_id == by.pk:
        claims.end_claim(mine, now)
        record(action=Action.READING_RELEASED, by=by, target=case, now=now)


def require_open(case: Case, by: User) -> None:
    if readings.own_reading(case, by):
        raise already_signed()
    if case.finalized_at is not None:
        raise CaseFinal(_("This case has all the readings it needs. Take the next one."))
    if PredictionShown.objects.filter(case=case, to=by).exists():
        raise PredictionSeen(
            _("You have seen the machine's answer for this radiograph, so another reader has to read it.")
        )


def already_signed() -> AlreadySigned:
    return AlreadySigned(_("You have signed this case already. You may amend your reading."))


def not_yours(case: Case, by: User, held: Claim) -> ClaimedByAnother:
    had_it = Claim.objects.filter(case=case, by=by).exists()
    if had_it:
        return ClaimExpired(
            _("Your time for this case has ended and %(reader)s is reading it now. Take the next case.")
            % {"reader": reader_name(held.by)}
        )
    return ClaimedByAnother(held_message(held))


def held_message(held: Claim) -> str:
    until = timezone.localtime(held.until)
    return _("%(reader)s is reading this case until %(until)s. Take the next one.") % {
        "reader": reader_name(held.by),
        "until": f"{until:%H:%M}",
    }


def reader_name(user: User) -> str:
    return user.get_full_name() or user.get_username()
