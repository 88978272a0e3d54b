"""Readings of a case and their consensus; withdrawn readings are never among them."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, PredictionShown
from diagnostics.keyset import equal_unindexed, null_unindexed
from diagnostics.review.errors import FirstReadingRequired
from diagnostics.review.models import Consensus, Reading, ReadingQuerySet

ARE_FIRST: Final = null_unindexed("supersedes_id")


def standing_readings() -> QuerySet[Reading]:
    """Return all readings whose signature has not been undone."""
    return ReadingQuerySet(Reading).standing()


def consensus(case: Case) -> Consensus | None:
    """Return the consensus of a case; None before its first reading."""
    return Consensus.objects.filter(case=case).first()


def has_seen_prediction(case: Case, user: User) -> bool:
    """Return whether a reader has seen the AI result of a case."""
    return PredictionShown.objects.filter(case=case, to=user).exists()


def readings_of(case: Case) -> QuerySet[Reading]:
    """Return the standing readings of a case, superseded ones too, the newest first."""
    readings = standing_readings().filter(case=case)
    return readings.select_related("by", "superseded_by").order_by("-signed_at")


def current_reading(case: Case) -> Reading | None:
    """Return the newest reading of a case that no amendment has superseded."""
    return readings_of(case).filter(superseded_by=None).first()


def own_reading(case: Case, user: User) -> Reading | None:
    """Return the current reading of a case by one reader."""
    return readings_by(user, case).filter(superseded_by=None).first()


def readings_by(user: User, case: Case) -> QuerySet[Reading]:
    """Return the standing readings of a case by one reader, the newest first."""
    return readings_of(case).filter(equal_unindexed("by_id", user.pk))  # of the readers' many readings


def readings_visible_to(user: User, case: Case) -> QuerySet[Reading]:
    """Return the readings of a case; raises FirstReadingRequired while the reader may still read it blind."""
    readings = readings_of(case)
    if case.finalized_at is None and readings.exists() and not readings_by(user, case).exists():
        raise FirstReadingRequired(_("Please sign your own reading first to see the other readings."))
    return readings
