"""Control cases: reference and repeat cases mixed into a worklist, indistinguishable for the reader."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from random import Random, SystemRandom
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.cases.services.control_copies import open_control_copy
from diagnostics.errors import DomainError
from diagnostics.review.models import (
    Consensus,
    ConsensusStatus,
    ControlCase,
    ControlPurpose,
    Reading,
    ReadingKind,
    ReadingPolicy,
    ReferenceCase,
)
from diagnostics.review.selectors.reading_policy import policy_of
from diagnostics.review.selectors.readings import standing_readings
from diagnostics.review.services.consensus import update_consensus

WASH_OUT: Final = timedelta(weeks=4)  # before a reader is served a radiograph again
RNG: Final = SystemRandom()

logger = logging.getLogger(__name__)


def add_after_reading(reading: Reading, now: datetime, rng: Random = RNG) -> Case | None:
    """Draw whether to add a control case to the worklist of a reader who has signed; return it, if any.

    Readings of control cases add none, so the shares refer to the site's own radiographs.
    """
    like, reader = reading.case, reading.by
    _finalize_single_read_controls(like, now)
    if like.copy_of_id or reading.kind != ReadingKind.READING:
        return None
    purpose = _drawn_purpose(policy_of(like.site), rng)
    if purpose is None:
        return None
    is_reference = purpose == ControlPurpose.REFERENCE
    pool = _reference_pool(like, reader) if is_reference else _repeat_pool(like, reader, now)
    count = pool.count()
    if not count:
        return None
    try:
        return _add(pool[rng.randrange(count)], like, reader, purpose, now)
    except DomainError as error:  # must not interrupt the reader
        logger.warning("no control case was added: %s", error.code)
        return None


def _drawn_purpose(policy: ReadingPolicy, rng: Random) -> ControlPurpose | None:
    drawn = rng.random() * 100
    if drawn < policy.reference_percent:
        return ControlPurpose.REFERENCE
    return ControlPurpose.REPEAT if drawn < policy.reference_percent + policy.repeat_percent else None


def _reference_pool(like: Case, reader: User) -> QuerySet[Case]:
    """Return the site's reference cases that this reader has neither read nor seen."""
    known = Case.objects.filter(reference_case__isnull=False).filter(
        Q(pk__in=standing_readings().filter(by=reader).values("case"))
        | Q(predictions_shown__to=reader)
        | Q(copies__shown_only_to=reader)
    )
    active = ReferenceCase.objects.filter(retired_at=None)
    return (
        Case.objects.filter(site=like.site_id, reference_case__in=active, withdrawn_at=None)
        .exclude(pk__in=known.values("pk"))
        .select_related("radiograph", "site")
        .order_by("pk")
    )


def _repeat_pool(like: Case, reader: User, now: datetime) -> QuerySet[Case]:
    """Return the cases that this reader read before the wash-out period and has not been served again."""
    read_before = standing_readings().filter(
        by=reader, kind=ReadingKind.READING, supersedes=None, signed_at__lt=now - WASH_OUT
    )
    return (
        Case.objects.filter(site=like.site_id, copy_of=None, withdrawn_at=None)
        .filter(pk__in=read_before.values("case"))
        .exclude(copies__shown_only_to=reader)
        .select_related("radiograph", "site")
        .order_by("pk")
    )


@transaction.atomic
def _add(original: Case, like: Case, reader: User, purpose: ControlPurpose, now: datetime) -> Case:
    control = open_control_copy(radiograph_of=original, like=like, to=reader, now=now)
    ControlCase.objects.create(case=control, purpose=purpose)
    detail = {"purpose": purpose.value, "reader": str(reader.pk), "original": str(original.pk)}
    audit.record(action=Action.CONTROL_CASE_ADDED, by=None, target=control, detail=detail, now=now)
    return control


@transaction.atomic
def _finalize_single_read_controls(like: Case, now: datetime) -> None:
    """Finalize control cases awaiting a second read, which they never get, after the usual delay."""
    usual = now - timedelta(minutes=like.site.routine_minutes)
    recent = standing_readings().filter(case=OuterRef("case"), signed_at__gt=usual)
    awaiting = Consensus.objects.filter(
        status=ConsensusStatus.SECOND_READ,
        case__site=like.site_id,
        case__copy_of__isnull=False,
        case__withdrawn_at=None,
    ).exclude(Exists(recent))
    # A control case whose signature is undone at this moment is locked, and comes next time.
    locked = awaiting.select_related("case").select_for_update(
        skip_locked=True, no_key=True, of=("self", "case")
    )
    for consensus in locked:
        consensus.readers_needed = 1
        consensus.save(update_fields=["readers_needed"])
        update_consensus(consensus.case, now)
