"""Take a case, read it, sign a finding; what was signed is never changed, only superseded."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.cases.models import Case
from diagnostics.errors import NotAllowed
from diagnostics.findings import Finding
from diagnostics.review.errors import AlreadySuperseded, ReasonRequired, UnknownFinding
from diagnostics.review.models import Claim, Confidence, ConsensusStatus, Reading, ReadingKind
from diagnostics.review.selectors import claims as claims_selectors
from diagnostics.review.selectors import readings
from diagnostics.review.services import assisted_reading, claims, control_cases, permissions
from diagnostics.review.services.claiming import already_signed, claim_next, not_yours, require_open
from diagnostics.review.services.consensus import update_consensus

MAX_NOTE_LENGTH = 2000  # characters


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
    permissions.require_readable(case, by)
    _require_known_finding(finding, confidence)
    case = claims.lock_case(case)
    require_open(case, by)
    held = claims_selectors.claim_on(case, now)
    if held and held.by_id != by.pk:
        raise not_yours(case, by, held)
    kind = (
        ReadingKind.ADJUDICATION
        if readings.consensus_status(case) == ConsensusStatus.DISAGREE
        else ReadingKind.READING
    )
    reading = _store(
        Reading(case=case, by=by, kind=kind, finding=finding, confidence=confidence, note=note, signed_at=now)
    )
    claims.end_open_claim(case, now)
    update_consensus(case, now)
    record(action=Action.READING_SIGNED, by=by, target=case, detail=_detail(reading), now=now)
    transaction.on_commit(partial(control_cases.add_after_reading, reading, now), robust=True)
    return reading


@transaction.atomic
def sign_and_claim_next(
    *, case: Case, by: User, finding: str, confidence: str, note: str, now: datetime
) -> Claim | None:
    """Sign a reading and hand the reader the next case; None when all are read."""
    claims.lock_reader(by)  # reader before case, as in claim_next: crossed locks would wait for ever
    sign_reading(case=case, by=by, finding=finding, confidence=confidence, note=note, now=now)
    return claim_next(by=by, now=now, queue=claims_selectors.queue_of(case, by))


@transaction.atomic
def amend_reading(
    *, reading: Reading, by: User, finding: str, confidence: str, note: str, reason: str, now: datetime
) -> Reading:
    """Put a new reading in the place of one's own; the old one stays on record."""
    permissions.require_readable(reading.case, by)
    _require_known_finding(finding, confidence)
    if reading.by_id != by.pk:
        raise NotAllowed(_("A reading can be amended only by the person who signed it."))
    if not reason.strip():
        raise ReasonRequired(_("Please say why the reading changes."))
    case = claims.lock_case(reading.case)
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
    amended = _store(amendment)
    update_consensus(case, now)
    assisted_reading.record_assisted_reading(case, by, finding, now)
    record(action=Action.READING_AMENDED, by=by, target=case, detail=_detail(amended), now=now)
    return amended


def _require_known_finding(finding: str, confidence: str) -> None:
    if finding not in Finding.values or confidence not in Confidence.values:
        raise UnknownFinding(_("Please choose one of the findings on the list, and how sure you are."))


def _store(reading: Reading) -> Reading:
    """Write a reading once; the database says whether somebody was quicker."""
    try:
        with transaction.atomic():
            reading.save(force_insert=True)
    except IntegrityError as error:
        if reading.supersedes_id:
            raise AlreadySuperseded(
                _("This reading was amended meanwhile. Look at the newer one before you change it.")
            ) from error
        raise already_signed() from error
    return reading


def _detail(reading: Reading) -> dict[str, str]:
    superseded = {"supersedes": str(reading.supersedes_id)} if reading.supersedes_id else {}
    return {"reading": str(reading.pk), "finding": reading.finding, **superseded}
