"""Around the reading: stand by it, ask a colleague, and say how many readers a radiograph has."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action
from diagnostics.audit.services import record
from diagnostics.cases.models import Case, PredictionShown
from diagnostics.review.errors import CaseFinal, CaseNotFinal, FirstReadingRequired
from diagnostics.review.models import AssistedReading, Consensus, ConsensusStatus, Reading, ReadingKind
from diagnostics.review.selectors import readings
from diagnostics.review.services import claims, permissions
from diagnostics.review.services.consensus import update_consensus


@transaction.atomic
def keep_reading(*, case: Case, by: User, now: datetime) -> None:
    """Write down that the reader stands by the reading after seeing the machine's answer."""
    case, reading = _read_by(case, by)
    record_assisted_reading(case, by, reading.finding, now)


@transaction.atomic
def request_second_opinion(*, case: Case, by: User, now: datetime) -> Consensus:
    """Let one more reader see the radiograph blind; only who has read it asks."""
    case, _reading = _read_by(case, by)
    consensus = Consensus.objects.get(case=case)
    if consensus.standing != ConsensusStatus.FINAL:
        raise CaseNotFinal(_("Another reader is being waited for already."))
    if readings.readings_of(case).filter(kind=ReadingKind.ADJUDICATION).exists():
        raise CaseFinal(_("A third reader has decided this case."))
    consensus.readers_needed += 1
    consensus.save(update_fields=["readers_needed"])
    record(action=Action.SECOND_OPINION_REQUESTED, by=by, target=case, now=now)
    return update_consensus(case, now)


def record_assisted_reading(case: Case, by: User, finding: str, now: datetime) -> None:
    """Keep what the reader says after the machine's answer; the first word after it counts."""
    shown = PredictionShown.objects.filter(case=case, to=by).first()
    first = Reading.objects.filter(case=case, by=by, supersedes=None).first()
    if shown and first and shown.at >= first.signed_at:
        AssistedReading.objects.get_or_create(
            reading=first, defaults={"prediction": shown.prediction, "finding": finding, "at": now}
        )


def _read_by(case: Case, by: User) -> tuple[Case, Reading]:
    permissions.require_readable(case, by)
    case = claims.lock_case(case)
    reading = readings.own_reading(case, by)
    if reading is None:
        raise FirstReadingRequired(_("Please sign your own reading first."))
    return case, reading
