"""Agreement of AI results with blind first readings."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, F, OuterRef, Q, Subquery

from diagnostics.accounts.models import User
from diagnostics.cases.models import Prediction, PredictionOutcome
from diagnostics.cases.selectors import visible_to
from diagnostics.findings import Finding
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import ReadingKind
from diagnostics.review.proportion import Proportion
from diagnostics.review.selectors.readings import standing_readings

# Without an outcome: the version has no thresholds, and its most probable class is the finding.
ONE_FINDING = ("", PredictionOutcome.FINDING.value)


def ai_reader_agreement(user: User, *, now: datetime, over: timedelta) -> Proportion:
    """Return how many first readings of a period have the finding of the newest AI result of their case.

    Left out are readings without a finding, AI results that name no single finding, and control cases.
    """
    results = Prediction.objects.filter(
        case=OuterRef("case"), status=JobStatus.DONE, outcome__in=ONE_FINDING
    ).exclude(finding="")
    readings = (
        standing_readings()
        .filter(
            supersedes=None,
            kind=ReadingKind.READING,
            case__in=visible_to(user).filter(copy_of=None, withdrawn_at=None),
            signed_at__gte=now - over,
            signed_at__lte=now,
        )
        .exclude(finding=Finding.CANNOT_JUDGE)
        .annotate(predicted=Subquery(results.order_by("-queued_at").values("finding")[:1]))
        .exclude(predicted=None)
    )
    counts = readings.aggregate(same=Count("pk", filter=Q(finding=F("predicted"))), total=Count("pk"))
    return Proportion(counts["same"], counts["total"])
