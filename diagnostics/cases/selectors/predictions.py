"""Which predictions are finished, and which of them name one finding."""

from __future__ import annotations

from typing import Final

from django.db.models import OuterRef, QuerySet

from diagnostics.cases.models import Prediction, PredictionOutcome
from diagnostics.jobs.models import JobStatus
from diagnostics.keyset import equal_unindexed

# True of almost all predictions, so never the condition by which a database should find them.
IS_DONE: Final = equal_unindexed("status", JobStatus.DONE)
# Without an outcome: the version has no thresholds, and its most probable class is the finding.
ONE_FINDING: Final = ("", PredictionOutcome.FINDING.value)


def newest_of_one_finding() -> QuerySet[Prediction]:
    """Return the finished predictions of an outer query's `case` that name one finding, newest first."""
    done = Prediction.objects.filter(IS_DONE, case=OuterRef("case"), outcome__in=ONE_FINDING)
    return done.exclude(finding="").order_by("-queued_at")
