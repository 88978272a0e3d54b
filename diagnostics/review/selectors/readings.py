"""TODO: diagnostics.review.selectors.readings."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, PredictionShown
from diagnostics.cases.selectors import visible_to
from diagnostics.review.errors import FirstReadingRequired
from diagnostics.review.models import Consensus, Reading


def consensus_status(case: Case) -> str:
    """Say where a case stands; nowhere before its first reading."""
    found = Consensus.objects.filter(case=case).values_list("standing", flat=True).first()
    return found or ""


def consensus(case: Case) -> Consensus | None:
    """Give what the readings of a case come to; None before the first."""
    return Consensus.objects.filter(case=case).first()


def has_seen_prediction(case: Case, user: User) -> bool:
    """Say whether a reader has seen what the machine says of a case."""
    return PredictionShown.objects.filter(case=case, to=user).exists()


def conflicting_readings(case: Case) -> list[Reading]:
    """Give what readers who disagree have said, in an order that tells nothing of who or when."""
    return sorted(readings_of(case).filter(superseded_by=None), key=lambda reading: reading.pk.hex)


def readings_of(case: Case) -> QuerySet[Reading]:
    """All readings of a case, amended ones too, the newest first."""
    return Reading.objects.filter(case=case).select_related("by", "superseded_by").order_by("-signed_at")


def current_reading(case: Case) -> Reading | None:
    """Return the newest reading of a case that no amendment has superseded."""
    return readings_of(case).filter(superseded_by=None).first()


def own_reading(case: Case, user: User) -> Reading | None:
    """Return what a reader says of a case as of now."""
    return readings_of(case).filter(by=user, superseded_by=None).first()


def readings_shown_to(user: User, case: Case) -> QuerySet[Reading]:
    """List the readings of a case to somebody who has signed one, or to whom nothing is left to sign."""
    readings = readings_of(case)
    if case.finalized_at is None and readings.exists() and not readings.filter(by=user).exists():
        raise FirstReadingRequired(_("Please sign your own reading first, then the others' are shown."))
    return readings


def priors(case: Case, user: User) -> QuerySet[Case]:
    """Earlier cases of the same patient at the same site, the newest first.

    A copy is no patient's: one may come to bear the reference that was made up for it.
    """
    same_patient = visible_to(user).filter(
        site=case.site_id, patient_ref=case.patient_ref, opened_at__lte=case.opened_at, copy_of=None
    )
    return same_patient.exclude(pk=case.pk).select_related("radiograph").order_by("-opened_at")
