"""The job of one prediction in the worker: claim, compute, store."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import errors, file_damage, quality_gate, storage
from diagnostics.cases.errors import StorageUnavailable
from diagnostics.cases.models import Case, Prediction, PredictionOutcome, Radiograph
from diagnostics.cases.storage import PredictionFiles, UnusableFile
from diagnostics.findings import Finding
from diagnostics.jobs import heartbeats, storage_wait
from diagnostics.jobs.errors import JobError, failure_code_of
from diagnostics.jobs.lease import Clock, Lease
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from ml.errors import BundleError
from ml.images.input_measures import input_measures
from ml.inference import engine_cache, heatmap_files, overlay
from ml.records import ClassMap, Explanation, Grey, Manifest

if TYPE_CHECKING:
    from ml.inference.predictor import Predictor

MAX_SECONDS: Final = 300.0  # then the lease of a hanging worker ends
MIN_LOAD_SECONDS: Final = 0.01  # shorter loading times are not stored
LOADING: Final = Lock()  # a task waits for the network that is being loaded beside it

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """The prediction of a radiograph and its files, not yet stored."""

    version: ModelVersion
    manifest: Manifest
    explanation: Explanation
    operating_points: dict[str, float]  # of the version's deployment
    overlay: bytes
    seconds: dict[str, float]


def classify(prediction_id: uuid.UUID, *, clock: Clock = timezone.now) -> None:
    """Compute one queued prediction; does nothing when another worker has claimed it or the disk is full."""
    if storage_wait.must_wait(Prediction, prediction_id, clock=clock):
        return
    lease = Lease.claim(Prediction, prediction_id, duration=settings.INFERENCE_LEASE, clock=clock)
    if lease is None:
        return
    files = storage.prediction_files(prediction_id, lease.token)
    try:
        with lease.heartbeat(at_most=MAX_SECONDS):
            _compute(lease, files)
    except (OperationalError, InterfaceError):
        logger.warning("the database is unavailable: prediction %s is requeued later", prediction_id)


def load_active_version() -> None:
    """Load the network of the active version; what prevents it is stored with the first prediction."""
    try:
        if version := registry.active_version():
            _predictor(version)
    except Exception as error:
        logger.warning("the network was not loaded ahead: %s", type(error).__name__)


def _compute(lease: Lease, files: PredictionFiles) -> None:
    try:
        prediction = Prediction.objects.select_related("version", "case__radiograph").get(pk=lease.job_id)
        if prediction.case.withdrawn_at is not None:  # since it was queued, or since its worker was lost
            raise JobError("withdrawn")
        started = time.perf_counter()
        grey = _read_radiograph(prediction.case.radiograph)
        prediction.input_measures = input_measures(grey)
        prediction.quality_code = quality_gate.code_of(grey, prediction.case.radiograph)
        if quality_gate.is_stopped(prediction):
            _stop(prediction, lease)
        else:
            _store(prediction, lease, files, _predict(prediction, grey, started))
    except (OperationalError, InterfaceError):
        raise
    except StorageUnavailable:
        storage_wait.requeue(lease, Prediction)
    except Exception as error:
        _fail(lease, failure_code_of(error))


def _stop(prediction: Prediction, lease: Lease) -> None:
    """Finish the prediction without probability and heatmap; the case is read as any other."""
    version = prediction.version or registry.active_version()
    try:
        quality_gate.finish_stopped(prediction, lease, version)
    except IntegrityError as error:
        raise JobError("already_predicted") from error


def _predict(prediction: Prediction, grey: Grey, started: float) -> Result:
    """Score a radiograph; `started` is when its reading began."""
    version = prediction.version or registry.active_version()
    if version is None:
        raise JobError("model_unavailable")
    read = time.perf_counter()
    predictor = _predictor(version)
    loaded = time.perf_counter()
    points = registry.deployed_points(version) or predictor.manifest.operating_points
    explanation = predictor.explain(grey, colour=prediction.case.radiograph.colour, operating_points=points)
    explained = time.perf_counter()
    image = _overlay(grey, explanation, predictor.manifest)
    seconds = {
        "waited": _seconds_waited(prediction),
        "load": loaded - read,
        "prepare": read - started + explanation.seconds.get("prepare", 0.0),
        "network": explanation.seconds.get("network", explained - loaded),
        "heatmap": time.perf_counter() - explained,
    }
    return Result(version, predictor.manifest, explanation, points, image, seconds)


def _read_radiograph(radiograph: Radiograph) -> Grey:
    name = storage.radiograph_files(radiograph.pk).grey
    try:
        return storage.read_grey(name, radiograph.grey_sha256)
    except UnusableFile as error:
        file_damage.record(radiograph.case, "grey", error, by=None, now=timezone.now())
        raise JobError("radiograph_missing") from error
    except (OSError, ValueError) as error:
        raise JobError("radiograph_missing") from error


def _predictor(version: ModelVersion) -> Predictor:
    try:
        with LOADING:
            predictor = _load(registry.bundle_path(version), version.weights_sha256)
    except (BundleError, OSError) as error:
        raise JobError("model_damaged") from error
    heartbeats.note_loaded_version(str(version))
    return predictor


@lru_cache(maxsize=1)
def _load(bundle: Path, weights_sha256: str) -> Predictor:
    """Return the predictor of a version; each process holds one, replaced after a promotion."""
    from ml.inference.predictor import Predictor  # what runs a network is only loaded in the worker's child

    serving = engine_cache.serving_engine(bundle, settings.ENGINES) if _may_export() else None
    predictor = Predictor(bundle, serving=serving)
    if predictor.manifest.weights_sha256 != weights_sha256:
        raise BundleError("The weights are not the registered ones.")
    return predictor


def _may_export() -> bool:
    return bool(settings.SERVING_ENGINE != "tensorflow")


def _overlay(grey: Grey, explanation: Explanation, manifest: Manifest) -> bytes:
    heatmap = explanation.maps[explanation.finding]
    reference = _reference(manifest, explanation.finding, heatmap)
    return overlay.overlay_png(grey, heatmap, explanation.frame, reference=reference)


def _reference(manifest: Manifest, finding: str, heatmap: ClassMap) -> float:
    # Without a reference of the class in the bundle, the heatmap is scaled by its own maximum.
    return manifest.heatmap_reference.get(finding) or heatmap.raw_max or 1.0


def _seconds_waited(prediction: Prediction) -> float:
    assert prediction.started_at is not None  # it was claimed
    return max(0.0, (prediction.started_at - prediction.queued_at).total_seconds())


def _store(prediction: Prediction, lease: Lease, files: PredictionFiles, result: Result) -> None:
    """Store the files, then the row that names them; only the sweeper removes files of a failed attempt."""
    started, explanation = time.perf_counter(), result.explanation
    try:
        checksums = storage.store_prediction(
            files,
            heatmaps=heatmap_files.packed_heatmaps(explanation.maps, explanation.frame),
            overlay=result.overlay,
        )
    except OSError as error:
        raise StorageUnavailable("The heatmap could not be stored.") from error
    seconds = result.seconds | {"store": time.perf_counter() - started}
    columns = {"heatmap_file": files.heatmaps, "overlay_file": files.overlay} | asdict(checksums)
    try:
        with transaction.atomic():
            _finish(prediction, lease, result, columns | {"seconds": _stored_seconds(seconds)})
            storage.require_recent(files.heatmaps, files.overlay, now=timezone.now())
    except IntegrityError as error:
        raise JobError("already_predicted") from error
    except OSError as error:
        raise StorageUnavailable("The files of the prediction were written too long ago.") from error


def _finish(prediction: Prediction, lease: Lease, result: Result, columns: dict[str, Any]) -> None:
    now = lease.clock()
    prediction.lock_case()
    finished = Prediction.finish(
        prediction.pk,
        token=lease.token,
        now=now,
        version=result.version,
        probabilities=result.explanation.probabilities,
        finding=result.explanation.finding,
        operating_points=result.operating_points,
        quality_code=prediction.quality_code,
        input_measures=prediction.input_measures,
        **_outcome_columns(result),
        heatmaps=_heatmap_scales(result),
        **columns,
    )
    if finished:
        detail = {
            "prediction": str(prediction.pk),
            "version": str(result.version),
            "engine": result.explanation.engine,
        }
        Case.objects.filter(pk=prediction.case_id).update(triage_score=_triage_score(result))
        file_damage.mark_restored(prediction.case, kinds=("heatmaps", "overlay"), now=now)
        audit.record(action=Action.PREDICTION_STORED, by=None, target=prediction.case, detail=detail, now=now)


def _triage_score(result: Result) -> float:
    """Return the probability of COVID-19; 1, hence served first, when the outcome is not one finding."""
    explanation = result.explanation
    is_finding = explanation.outcome in ("", PredictionOutcome.FINDING)
    return explanation.probabilities.get(Finding.COVID_19, 1.0) if is_finding else 1.0


def _stored_seconds(seconds: dict[str, float]) -> dict[str, float]:
    return {
        step: round(duration, 4)
        for step, duration in seconds.items()
        if step != "load" or duration > MIN_LOAD_SECONDS
    }


def _outcome_columns(result: Result) -> dict[str, Any]:
    """Return the columns that hold the outcome and its uncertainty."""
    explanation = result.explanation
    measures = explanation.out_of_distribution
    return {
        "outcome": explanation.outcome,
        "candidates": list(explanation.candidates),
        "abstention": result.manifest.abstention,
        "out_of_distribution": asdict(measures) if measures else {},
        "quality_flags": list(explanation.quality_flags),
    }


def _heatmap_scales(result: Result) -> dict[str, dict[str, float | bool]]:
    return {
        finding: {
            "raw_max": heatmap.raw_max,
            "reference": _reference(result.manifest, finding, heatmap),
            "no_positive_evidence": heatmap.no_positive_evidence,
        }
        for finding, heatmap in result.explanation.maps.items()
    }


@transaction.atomic
def _fail(lease: Lease, code: str) -> None:
    logger.error("prediction %s failed: %s", lease.job_id, code, exc_info=True)
    text, now = errors.failure_text(code), lease.clock()
    if Prediction.fail(lease.job_id, token=lease.token, code=code, text=text, now=now):
        prediction = Prediction.objects.select_related("case").get(pk=lease.job_id)
        audit.record(
            action=Action.PREDICTION_FAILED,
            by=None,
            target=prediction.case,
            detail={"prediction": str(lease.job_id), "code": code},
            now=now,
        )
