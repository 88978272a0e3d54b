"""The job of a shadow run in the worker: claim, score, store. It stores no file and changes no case."""

from __future__ import annotations

import logging
import uuid
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import storage
from diagnostics.cases.errors import StorageUnavailable, failure_text
from diagnostics.cases.models import Radiograph
from diagnostics.cases.storage import UnusableFile
from diagnostics.jobs import storage_wait
from diagnostics.jobs.errors import JobError, failure_code_of
from diagnostics.jobs.lease import Clock, Lease
from diagnostics.jobs.models import JobStatus
from diagnostics.monitoring.models import ShadowPrediction
from diagnostics.monitoring.selectors import shadow as selectors
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from ml.errors import BundleError
from ml.inference import engine_cache
from ml.records import Grey

if TYPE_CHECKING:
    from ml.inference.predictor import Predictor

MAX_SECONDS: Final = 110.0  # then the lease of a hanging worker ends

logger = logging.getLogger(__name__)


def score(shadow_prediction_id: uuid.UUID, *, clock: Clock = timezone.now) -> None:
    """Score one case of a shadow run; postponed while a case waits for the active version."""
    if selectors.is_prediction_queued():
        # Due at once: the next periodic task sends it again when no case waits.
        queued = ShadowPrediction.objects.filter(pk=shadow_prediction_id, status=JobStatus.QUEUED)
        queued.update(lease_until=clock())
        return
    lease = Lease.claim(
        ShadowPrediction, shadow_prediction_id, duration=settings.INFERENCE_LEASE, clock=clock
    )
    if lease is None:
        return
    try:
        with lease.heartbeat(at_most=MAX_SECONDS):
            _score(lease)
    except (OperationalError, InterfaceError):
        logger.warning("the database is unavailable: a shadow score is requeued later")


def _score(lease: Lease) -> None:
    try:
        job = ShadowPrediction.objects.select_related("run__version", "case__radiograph").get(pk=lease.job_id)
        if job.case.withdrawn_at is not None:
            raise JobError("withdrawn")
        grey = _read(job.case.radiograph)
        explanation = _predictor(job.run.version).explain(grey, colour=job.case.radiograph.colour)
        ShadowPrediction.finish(
            job.pk,
            token=lease.token,
            now=lease.clock(),
            probabilities=explanation.probabilities,
            finding=explanation.finding,
            outcome=explanation.outcome,
        )
    except (OperationalError, InterfaceError):
        raise
    except StorageUnavailable:
        storage_wait.requeue(lease, ShadowPrediction)
    except Exception as error:
        _fail(lease, failure_code_of(error))


def _read(radiograph: Radiograph) -> Grey:
    try:
        return storage.read_grey(storage.radiograph_files(radiograph.pk).grey, radiograph.grey_sha256)
    except (UnusableFile, OSError, ValueError) as error:
        raise JobError("radiograph_missing") from error


def _predictor(version: ModelVersion) -> Predictor:
    try:
        return _load(registry.bundle_path(version), version.weights_sha256)
    except (BundleError, OSError) as error:
        raise JobError("model_damaged") from error


@lru_cache(maxsize=1)
def _load(bundle: Path, weights_sha256: str) -> Predictor:
    """Return the predictor of a version, beside that of the active version in the same process.

    An engine is used if it is exported, never exported here: cases would wait minutes for the worker.
    """
    from ml.inference.predictor import Predictor  # what runs a network is only loaded in the worker's child

    may_export = settings.SERVING_ENGINE != "tensorflow"
    serving = engine_cache.stored_engine(bundle, settings.ENGINES) if may_export else None
    predictor = Predictor(bundle, serving=serving)
    if predictor.manifest.weights_sha256 != weights_sha256:
        raise BundleError("The weights are not the registered ones.")
    return predictor


@transaction.atomic
def _fail(lease: Lease, code: str) -> None:
    logger.error("shadow score %s failed: %s", lease.job_id, code, exc_info=True)
    text, now = failure_text(code), lease.clock()
    if ShadowPrediction.fail(lease.job_id, token=lease.token, code=code, text=text, now=now):
        job = ShadowPrediction.objects.select_related("run").get(pk=lease.job_id)
        detail = {"shadow_prediction": str(job.pk), "code": code}
        audit.record(action=Action.SHADOW_SCORE_FAILED, by=None, target=job.run, detail=detail, now=now)
