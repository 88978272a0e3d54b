"""Metrics of uploads and predictions."""

from __future__ import annotations

from django.db.models import Count
from prometheus_client import Counter

from diagnostics.cases import upload_validation
from diagnostics.cases.errors import UnusableRadiograph
from diagnostics.cases.models import Prediction, PredictionOutcome
from diagnostics.jobs.models import JobStatus
from ml.records import DecodedRadiograph

REFUSED_RADIOGRAPHS = Counter("readroom_refused_radiographs", "Uploaded files refused, by code.", ["code"])


def decode_upload(radiograph: bytes) -> DecodedRadiograph:
    """Decode an upload and count it when it is refused; raises UnusableRadiograph."""
    try:
        return upload_validation.decode_upload(radiograph)
    except UnusableRadiograph as error:
        REFUSED_RADIOGRAPHS.labels(code=error.code).inc()
        raise


def predictions_by_version() -> dict[int, int]:
    """Return the number of stored predictions of each model version."""
    done = Prediction.objects.filter(status=JobStatus.DONE, version__isnull=False)
    done = done.exclude(outcome=PredictionOutcome.NOT_SCORED)
    return dict(done.order_by().values_list("version__number").annotate(predictions=Count("pk")))
