"""Claim, renew and release cases; a reader holds a case for `settings.CLAIM_LEASE` unless it is renewed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.cases.services.retry import require_not_withdrawn
from diagnostics.errors import DomainError
from diagnostics.review.errors import AlreadySigned, CaseFinal, ClaimedByAnother, ClaimExpired, PredictionSeen
from diagnostics.review.models import Claim, Queue, ServedReason
from diagnostics.review.selectors import claims as claim_selectors
from diagnostics.review.selectors import readings
from diagnostics.review.services import permissions, serving
from diagnostics.review.services.locks import lock_case, lock_reader

MAX_TRIES: Final = 50  # how often other readers may claim the case first before the request fails


@transaction.atomic
def claim_next(*, by: User, now: datetime, queue: Queue = Queue.CLINICAL) -> Claim | None:
    """Claim the next case of a queue, or renew the reader's active claim; None for an empty queue."""
    require(by, Permission.READ)
    lock_reader(by)
    held = claim_selectors.claim_held_by(by, now)
    if held:
        return _extend(held, now)
    for _attempt in range(MAX_TRIES):
        served = serving.lock_next_case(queue, by, now)
        if served is None:
            return None
        case, reason = served
        try:
            return create_claim(case, by, now, served=reason)
        except IntegrityError:  # another reader claimed the case between the query and the claim
            continue
    raise ClaimedByAnother(_("Many readers are claiming cases at this moment. Please try again."))


@transaction.atomic
def claim(*, case: Case, by: User, now: datetime) -> Claim:
    """Claim a case that the reader chose; raises ClaimedByAnother or the errors of `require_open`."""
    permissions.require_readable(case, by)
    require_open(lock_case(case), by)
    held = claim_selectors.active_claim(case, now)
    if held and held.by_id == by.pk:
        return _extend(held, now)
    if held:
        raise ClaimedByAnother(_held_message(held))
    try:
        return create_claim(case, by, now)
    except IntegrityError as error:
        raise ClaimedByAnother(
            _("Another reader has just claimed this case. Please read the next one.")
        ) from error


@transaction.atomic
def renew(*, case: Case, by: User, now: datetime) -> Claim:
    """Extend the reader's claim to the full lease; raises ClaimExpired if it has been lost."""
    lock_case(case)
    held = claim_selectors.open_claim(case)
    if held is None or held.by_id != by.pk:
        raise ClaimExpired(_("Your claim on this case has expired. Claim the case again, or the next one."))
    return _extend(held, now)


@transaction.atomic
def release(*, case: Case, by: User, now: datetime) -> None:
    """Release the reader's own claim without a reading; do nothing if there is none."""
    lock_case(case)
    held = claim_selectors.open_claim(case)
    if held and held.by_id == by.pk:
        _end(held, now)
        audit.record(action=Action.CASE_RELEASED, by=by, target=case, now=now)


@transaction.atomic
def end_claims(*, cases: Iterable[Case], by: User, now: datetime) -> int:
    """End the active claims of any reader on these cases, for administrators; return their number."""
    require(by, Permission.MANAGE_READERS)
    ended = 0
    for case in visible_to(by).filter(pk__in=[case.pk for case in cases]):
        lock_case(case)
        held = claim_selectors.active_claim(case, now)
        if held:
            _end(held, now)
            detail = {"reader": str(held.by_id)}
            audit.record(action=Action.CLAIM_ENDED, by=by, target=case, detail=detail, now=now)
            ended += 1
    return ended


def obstacle(case: Case, by: User, now: datetime) -> DomainError | None:
    """Return the error that `claim` would raise for this reader, or None."""
    try:
        require_open(case, by)
    except DomainError as error:
        return error
    held = claim_selectors.active_claim(case, now)
    return ClaimedByAnother(_held_message(held)) if held and held.by_id != by.pk else None


def require_open(case: Case, by: User) -> None:
    """Raise CaseWithdrawn, AlreadySigned, CaseFinal or PredictionSeen where it is not to be read blind."""
    require_not_withdrawn(case)
    if readings.own_reading(case, by):
        raise already_signed()
    if case.finalized_at is not None:
        raise CaseFinal(_("This case has all the readings it needs. Please read the next one."))
    if readings.has_seen_prediction(case, by):
        raise PredictionSeen(
            _("You have seen the AI result of this radiograph, so another reader has to read it.")
        )


def require_not_claimed_by_another(case: Case, by: User, now: datetime) -> None:
    """Raise ClaimExpired or ClaimedByAnother while another reader holds the case."""
    held = claim_selectors.active_claim(case, now)
    if held is None or held.by_id == by.pk:
        return
    if claim_selectors.last_claim(case, by):
        raise ClaimExpired(
            _("Your claim on this case has expired and %(reader)s is reading it now. Read the next one.")
            % {"reader": _reader_name(held.by)}
        )
    raise ClaimedByAnother(_held_message(held))


def create_claim(case: Case, by: User, now: datetime, *, served: ServedReason = ServedReason.CHOSEN) -> Claim:
    """Create a claim for the full lease; raises IntegrityError if another reader holds the case."""
    with transaction.atomic():
        Claim.objects.filter(case=case, ended_at=None, until__lte=now).update(ended_at=F("until"))
        created = Claim.objects.create(
            case=case, by=by, since=now, until=now + settings.CLAIM_LEASE, served=served
        )
    audit.record(action=Action.CASE_CLAIMED, by=by, target=case, now=now)
    return created


def end_open_claim(case: Case, now: datetime) -> None:
    """End the open claim on a case, whoever holds it."""
    held = claim_selectors.open_claim(case)
    if held:
        _end(held, now)


def already_signed() -> AlreadySigned:
    """Return the error for a second first reading."""
    return AlreadySigned(_("You have already signed this case. You may amend your reading."))


def _extend(held: Claim, now: datetime) -> Claim:
    held.until = now + settings.CLAIM_LEASE
    held.save(update_fields=["until"])
    return held


def _end(held: Claim, now: datetime) -> None:
    held.ended_at = min(now, held.until)  # an expired claim ended when it expired
    held.save(update_fields=["ended_at"])


def _held_message(held: Claim) -> str:
    until = timezone.localtime(held.until)
    return _("%(reader)s is reading this case until %(until)s. Please read the next one.") % {
        "reader": _reader_name(held.by),
        "until": f"{until:%H:%M}",
    }


def _reader_name(user: User) -> str:
    return user.get_full_name() or user.get_username()
