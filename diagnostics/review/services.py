"""Take a case, read it, sign a finding; what was signed is never changed, only superseded."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.base import NotAllowed
from diagnostics.cases.models import AnswerShown, Case
from diagnostics.findings import Finding
from diagnostics.review import afterwards, holds, mixing, rights, selectors
from diagnostics.review.models import Claim, Confidence, Kind, Queue, Reading, Standing
from diagnostics.review.refusals import (
    AlreadySigned,
    AlreadySuperseded,
    AnswerSeen,
    HeldByAnother,
    LeaseEnded,
    ReasonMissing,
    Settled,
    UnknownAnswer,
)
from diagnostics.review.settling import settle

LONGEST_NOTE = 2000  # characters
TRIES = 50  # how often another reader may win a case from us before we give up


@transaction.atomic
def claim_next(*, by: User, now: datetime, queue: Queue = Queue.CLINICAL) -> Claim | None:
    """Hand the reader the next case of a queue, or the one still held; None when there is none."""
    rights.must_be_reader(by)
    holds.one_at_a_time(by)
    held = selectors.held_by(by, now)
    if held:
        return holds.prolong(held, now)
    for _attempt in range(TRIES):
        found = holds.next_of(queue, by, now)
        if found is None:
            return None
        try:
            return holds.take(found[0], by, now, served=found[1])
        except IntegrityError:  # another reader won the case between our look and our claim
            continue
    raise HeldByAnother(_("Many readers are taking cases at this moment. Please try again."))


@transaction.atomic
def claim(*, case: Case, by: User, now: datetime) -> Claim:
    """Hold a case that the reader chose."""
    rights.must_read(case, by)
    _must_be_open(holds.lock(case), by)
    held = selectors.holder(case, now)
    if held and held.by_id == by.pk:
        return holds.prolong(held, now)
    if held:
        raise HeldByAnother(_held_words(held))
    try:
        return holds.take(case, by, now)
    except IntegrityError as error:
        raise HeldByAnother(_("Another reader has just taken this case. Take the next one.")) from error


@transaction.atomic
def renew(*, case: Case, by: User, now: datetime) -> Claim:
    """Prolong the hold of a reader who is still at work."""
    holds.lock(case)
    mine = selectors.open_claim(case)
    if mine is None or mine.by_id != by.pk:
        raise LeaseEnded(_("Your time for this case has ended. Take the case again, or the next one."))
    return holds.prolong(mine, now)


@transaction.atomic
def release(*, case: Case, by: User, now: datetime) -> None:
    """Give a case back unread."""
    holds.lock(case)
    mine = selectors.open_claim(case)
    if mine and mine.by_id == by.pk:
        holds.end(mine, now)
        record(action=Action.READING_RELEASED, by=by, target=case, now=now)


@transaction.atomic
def sign_reading(
    *,
    case: Case,
    by: User,
    finding: str,
    confidence: str = Confidence.SURE,
    note: str = "",
    now: datetime,
) -> Reading:
    """Sign what the reader sees; taking the case is implied where nobody else holds it.

    Where readers disagree, what the next one signs decides.
    """
    rights.must_read(case, by)
    _must_be_answer(finding, confidence)
    case = holds.lock(case)
    _must_be_open(case, by)
    held = selectors.holder(case, now)
    if held and held.by_id != by.pk:
        raise _not_yours(case, by, held)
    kind = Kind.ADJUDICATION if selectors.standing(case) == Standing.DISAGREE else Kind.READING
    reading = _kept(
        Reading(case=case, by=by, kind=kind, finding=finding, confidence=confidence, note=note, signed_at=now)
    )
    holds.end_of(case, now)
    settle(case, now)
    record(action=Action.READING_SIGNED, by=by, target=case, detail=_detail(reading), now=now)
    transaction.on_commit(partial(mixing.after_reading, reading, now), robust=True)
    return reading


@transaction.atomic
def sign_and_claim_next(
    *, case: Case, by: User, finding: str, confidence: str, note: str, now: datetime
) -> Claim | None:
    """Sign a reading and hand the reader the next case; None when all are read."""
    holds.one_at_a_time(by)  # reader before case, as in claim_next: crossed locks would wait for ever
    sign_reading(case=case, by=by, finding=finding, confidence=confidence, note=note, now=now)
    return claim_next(by=by, now=now, queue=selectors.queue_of(case, by))


@transaction.atomic
def amend_reading(
    *, reading: Reading, by: User, finding: str, confidence: str, note: str, reason: str, now: datetime
) -> Reading:
    """Put a new reading in the place of one's own; the old one stays on record."""
    rights.must_read(reading.case, by)
    _must_be_answer(finding, confidence)
    if reading.by_id != by.pk:
        raise NotAllowed(_("A reading can be amended only by the person who signed it."))
    if not reason.strip():
        raise ReasonMissing(_("Please say why the reading changes."))
    case = holds.lock(reading.case)
    amendment = Reading(
        case=case,
        by=by,
        kind=reading.kind,
        finding=finding,
        confidence=confidence,
        note=note,
        signed_at=now,
        supersedes=reading,
        amendment_reason=reason.strip(),
    )
    amended = _kept(amendment)
    settle(case, now)
    afterwards.look_again(case, by, finding, now)
    record(action=Action.READING_AMENDED, by=by, target=case, detail=_detail(amended), now=now)
    return amended


def _must_be_open(case: Case, by: User) -> None:
    if selectors.own_reading(case, by):
        raise _signed_before()
    if case.settled_at is not None:
        raise Settled(_("This case has all the readings it needs. Take the next one."))
    if AnswerShown.objects.filter(case=case, to=by).exists():
        raise AnswerSeen(
            _("You have seen the machine's answer for this film, so another reader has to read it.")
        )


def _must_be_answer(finding: str, confidence: str) -> None:
    if finding not in Finding.values or confidence not in Confidence.values:
        raise UnknownAnswer(_("Please choose one of the findings on the list, and how sure you are."))


def _kept(reading: Reading) -> Reading:
    """Write a reading once; the database says whether somebody was quicker."""
    try:
        with transaction.atomic():
            reading.save(force_insert=True)
    except IntegrityError as error:
        if reading.supersedes_id:
            raise AlreadySuperseded(
                _("This reading was amended meanwhile. Look at the newer one before you change it.")
            ) from error
        raise _signed_before() from error
    return reading


def _signed_before() -> AlreadySigned:
    return AlreadySigned(_("You have signed this case already. You may amend your reading."))


def _not_yours(case: Case, by: User, held: Claim) -> HeldByAnother:
    had_it = Claim.objects.filter(case=case, by=by).exists()
    if had_it:
        return LeaseEnded(
            _("Your time for this case has ended and %(reader)s is reading it now. Take the next case.")
            % {"reader": _name(held.by)}
        )
    return HeldByAnother(_held_words(held))


def _held_words(held: Claim) -> str:
    until = timezone.localtime(held.until)
    return _("%(reader)s is reading this case until %(until)s. Take the next one.") % {
        "reader": _name(held.by),
        "until": f"{until:%H:%M}",
    }


def _name(user: User) -> str:
    return user.get_full_name() or user.get_username()


def _detail(reading: Reading) -> dict[str, str]:
    superseded = {"supersedes": str(reading.supersedes_id)} if reading.supersedes_id else {}
    return {"reading": str(reading.pk), "finding": reading.finding, **superseded}
