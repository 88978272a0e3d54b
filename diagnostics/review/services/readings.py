"""Sign and amend readings. A signed reading is never changed; an amendment supersedes it."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.cases.services.retry import require_not_withdrawn
from diagnostics.errors import NotAllowed
from diagnostics.findings import Finding
from diagnostics.review import note_template
from diagnostics.review.errors import (
    AlreadySuperseded,
    ReadingWithdrawn,
    ReasonRequired,
    UnknownFinding,
    UnknownNote,
)
from diagnostics.review.models import Claim, Confidence, Reading
from diagnostics.review.note_template import StructuredNote
from diagnostics.review.selectors import claims as claim_selectors
from diagnostics.review.selectors import readings as reading_selectors
from diagnostics.review.services import assisted_reading, claims, control_cases, permissions
from diagnostics.review.services.consensus import next_kind, update_consensus
from diagnostics.review.services.locks import lock_case, lock_reader


@transaction.atomic
def sign_reading(
    *,
    case: Case,
    by: User,
    finding: str,
    confidence: str = Confidence.SURE,
    note: str = "",
    structured: StructuredNote | None = None,
    now: datetime,
) -> Reading:
    """Sign a blind reading; it is an adjudication where earlier readings disagree, or a second opinion.

    The reader needs no claim unless another reader holds one. Raises an error of `review.errors`.
    """
    permissions.require_readable(case, by)
    _require_known_finding(finding, confidence)
    _require_known_note(structured, finding)
    case = lock_case(case)
    claims.require_open(case, by)
    claims.require_not_claimed_by_another(case, by, now)
    reading = _store(
        Reading(
            case=case,
            by=by,
            kind=next_kind(case),
            finding=finding,
            confidence=confidence,
            note=note,
            structured=structured or {},
            signed_at=now,
        )
    )
    claims.end_open_claim(case, now)
    update_consensus(case, now)
    audit.record(action=Action.READING_SIGNED, by=by, target=case, detail=_detail(reading), now=now)
    transaction.on_commit(partial(control_cases.add_after_reading, reading, now), robust=True)
    return reading


@transaction.atomic
def sign_and_claim_next(
    *,
    case: Case,
    by: User,
    finding: str,
    confidence: str,
    note: str,
    structured: StructuredNote | None = None,
    now: datetime,
) -> Claim | None:
    """Sign a reading and claim the next case of the same queue; None when the queue is empty."""
    lock_reader(by)  # before the case, as in claim_next: the opposite order could deadlock
    sign_reading(
        case=case, by=by, finding=finding, confidence=confidence, note=note, structured=structured, now=now
    )
    return claims.claim_next(by=by, now=now, queue=claim_selectors.queue_of(case, by))


@transaction.atomic
def amend_reading(
    *,
    reading: Reading,
    by: User,
    finding: str,
    confidence: str,
    note: str,
    structured: StructuredNote | None = None,
    reason: str,
    now: datetime,
) -> Reading:
    """Supersede one's own reading with a new one; the superseded reading stays on record.

    Raises NotAllowed, ReasonRequired, ReadingWithdrawn or AlreadySuperseded.
    """
    _require_amendable(reading, by, reason)
    _require_known_finding(finding, confidence)
    _require_known_note(structured, finding)
    require_not_withdrawn(case := lock_case(reading.case))
    _require_standing(reading)
    amendment = Reading(
        case=case,
        by=by,
        kind=reading.kind,
        finding=finding,
        confidence=confidence,
        note=note,
        structured=structured or {},
        signed_at=now,
        supersedes=reading,
        amendment_reason=reason.strip(),
    )
    amended = _store(amendment)
    update_consensus(case, now)
    assisted_reading.record_assisted_reading(case, by, finding, now)
    audit.record(action=Action.READING_AMENDED, by=by, target=case, detail=_detail(amended), now=now)
    return amended


def _require_amendable(reading: Reading, by: User, reason: str) -> None:
    permissions.require_readable(reading.case, by)
    if reading.by_id != by.pk:
        raise NotAllowed(_("A reading can be amended only by the person who signed it."))
    if not reason.strip():
        raise ReasonRequired(_("Please give the reason for the amendment."))


def _require_standing(reading: Reading) -> None:
    if not reading_selectors.readings_of(reading.case).filter(pk=reading.pk).exists():
        raise ReadingWithdrawn(
            _("The signature of this reading has been undone. Please read the case again.")
        )


def _require_known_finding(finding: str, confidence: str) -> None:
    if finding not in Finding.values or confidence not in Confidence.values:
        raise UnknownFinding(_("Please choose one of the listed findings and a confidence."))


def _require_known_note(structured: StructuredNote | None, finding: str) -> None:
    if not note_template.is_valid(structured or {}, finding):
        raise UnknownNote(_("The structured note does not fit the finding. Please choose it again."))


def _store(reading: Reading) -> Reading:
    """Insert a reading; a violated constraint means that another request was faster."""
    try:
        with transaction.atomic():
            reading.save(force_insert=True)
    except IntegrityError as error:
        if reading.supersedes_id:
            raise AlreadySuperseded(
                _("This reading has been amended meanwhile. Please check the newer one before you change it.")
            ) from error
        raise claims.already_signed() from error
    return reading


def _detail(reading: Reading) -> dict[str, str]:
    superseded = {"supersedes": str(reading.supersedes_id)} if reading.supersedes_id else {}
    return {"reading": str(reading.pk), "finding": reading.finding, **superseded}
