"""Known radiographs among those that wait: gold cases and repeats, which a reader cannot tell from others."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from random import Random, SystemRandom
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
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
from diagnostics.review.services.consensus import policy_of, update_consensus

WASH_OUT: Final = timedelta(weeks=4)  # until a reader has forgotten a radiograph
CHANCE = SystemRandom()

logger = logging.getLogger(__name__)


def add_after_reading(reading: Reading, now: datetime, chance: Random = CHANCE) -> Case | None:
    """Perhaps put a known radiograph before the reader who has just signed; gives the copy, if any.

    Copies call up no further copies, so that the shares are those of the site's own radiographs.
    """
    like, reader = reading.case, reading.by
    _close_old(like, now)
    if like.copy_of_id or reading.kind != ReadingKind.READING:
        return None
    purpose = _drawn(policy_of(like.site), chance)
    if purpose is None:
        return None
    pool = _gold(like, reader) if purpose == ControlPurpose.GOLD else _repeats(like, reader, now)
    count = pool.count()
    if not count:
        return None
    try:
        return _mix_in(pool[chance.randrange(count)], like, reader, purpose, now)
    except DomainError as trouble:  # a reader at work is not told of it
        logger.warning("no known radiograph was mixed in: %s", trouble.code)
        return None


def _drawn(policy: ReadingPolicy, chance: Random) -> ControlPurpose | None:
    drawn = chance.random() * 100
    if drawn < policy.gold_percent:
        return ControlPurpose.GOLD
    return ControlPurpose.REPEAT if drawn < policy.gold_percent + policy.repeat_percent else None


def _gold(like: Case, reader: User) -> QuerySet[Case]:
    """Gold cases of the site of which this reader knows nothing yet."""
    known = Case.objects.filter(gold__isnull=False).filter(
        Q(readings__by=reader) | Q(predictions_shown__to=reader) | Q(copies__shown_only_to=reader)
    )
    return (
        Case.objects.filter(site=like.site_id, gold__in=ReferenceCase.objects.filter(retired_at=None))
        .exclude(pk__in=known.values("pk"))
        .select_related("radiograph", "site")
        .order_by("pk")
    )


def _repeats(like: Case, reader: User, now: datetime) -> QuerySet[Case]:
    """Radiographs that this reader read long ago and has not been given again."""
    long_ago = Reading.objects.filter(
        by=reader, kind=ReadingKind.READING, supersedes=None, signed_at__lt=now - WASH_OUT
    )
    return (
        Case.objects.filter(site=like.site_id, copy_of=None, pk__in=long_ago.values("case"))
        .exclude(copies__shown_only_to=reader)
        .select_related("radiograph", "site")
        .order_by("pk")
    )


@transaction.atomic
def _mix_in(radiograph_of: Case, like: Case, reader: User, purpose: ControlPurpose, now: datetime) -> Case:
    copy = open_control_copy(radiograph_of=radiograph_of, like=like, to=reader, now=now)
    ControlCase.objects.create(case=copy, purpose=purpose)
    detail = {"purpose": purpose.value, "reader": str(reader.pk), "radiograph of": str(radiograph_of.pk)}
    record(action=Action.CONTROL_CASE_ADDED, by=None, target=copy, detail=detail, now=now)
    return copy


@transaction.atomic
def _close_old(like: Case, now: datetime) -> None:
    """End the wait for a second reader of a copy, whom nobody will ever be, when one might have come."""
    usual = now - timedelta(minutes=like.site.routine_minutes)
    waiting = Consensus.objects.filter(
        standing=ConsensusStatus.SECOND_READ, case__site=like.site_id, case__copy_of__isnull=False
    ).exclude(case__readings__signed_at__gt=usual)
    for consensus in waiting.select_for_update(skip_locked=True, of=("self",)).select_related("case"):
        consensus.readers_needed = 1
        consensus.save(update_fields=["readers_needed"])
        update_consensus(consensus.case, now)
