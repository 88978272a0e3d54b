"""AI-assisted readings: the finding of a reader after seeing the AI result."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, PredictionShown
from diagnostics.cases.services.retry import require_not_withdrawn
from diagnostics.review.errors import FirstReadingRequired
from diagnostics.review.models import AssistedReading
from diagnostics.review.selectors import readings
from diagnostics.review.services import permissions
from diagnostics.review.services.locks import lock_case


@transaction.atomic
def confirm_reading(*, case: Case, by: User, now: datetime) -> None:
    """Record that the reader confirms the reading after seeing the AI result."""
    permissions.require_readable(case, by)
    case = lock_case(case)
    require_not_withdrawn(case)
    reading = readings.own_reading(case, by)
    if reading is None:
        raise FirstReadingRequired(_("Please sign your own reading first."))
    record_assisted_reading(case, by, reading.finding, now)


def record_assisted_reading(case: Case, by: User, finding: str, now: datetime) -> None:
    """Record the finding of a reader after the AI result; only the first one is recorded."""
    shown = PredictionShown.objects.filter(case=case, to=by).first()
    first = readings.readings_by(by, case).filter(supersedes=None).first()
    if shown and first and shown.at >= first.signed_at:
        AssistedReading.objects.get_or_create(
            reading=first, defaults={"prediction": shown.prediction, "finding": finding, "at": now}
        )
