"""What the worker does with one prediction: claim, look, keep."""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.base import Trouble, trouble_code
from diagnostics.cases import failures, keeping
from diagnostics.cases.heartbeat import beating
from diagnostics.cases.keeping import AnswerNames
from diagnostics.cases.models import AnswerKind, Case, Prediction, Radiograph
from diagnostics.findings import Finding
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from ml import maps, overlay
from ml.records import BundleError, ClassMap, Explanation, Grey, Manifest

if TYPE_CHECKING:
    from ml.predictor import Predictor

LONGEST: Final = 300.0  # seconds; after these a hanging worker loses its row
NOTICEABLE: Final = 0.01  # seconds

Clock = Callable[[], datetime]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """What the machine says of a film, with its pictures still in memory."""

    version: ModelVersion
    manifest: Manifest
    explanation: Explanation
    overlay: bytes
    seconds: dict[str, float]


def classify(prediction_id: uuid.UUID, *, clock: Clock = timezone.now) -> None:
    """Answer one queued prediction; does nothing when another worker has taken it."""
    lease = settings.INFERENCE_LEASE
    token = Prediction.claim(prediction_id, worker=_worker(), lease=lease, now=clock())
    if token is None:
        return
    names = keeping.answer_names(prediction_id, token)

    def renew() -> bool:
        return Prediction.renew(prediction_id, token=token, lease=lease, now=clock())

    try:
        with beating(renew, every=lease.total_seconds() / 3, longest=LONGEST):
            _work(prediction_id, token, names, clock)
    except OperationalError:
        keeping.remove_answer(names)
        logger.warning("the database is away: prediction %s comes back when its lease ends", prediction_id)


def _work(prediction_id: uuid.UUID, token: uuid.UUID, names: AnswerNames, clock: Clock) -> None:
    kept = False
    try:
        prediction = Prediction.objects.select_related("version", "case__radiograph").get(pk=prediction_id)
        answer = _look(prediction)
        kept = _keep(prediction, token, names, answer, clock)
    except OperationalError:
        raise
    except Exception as error:
        _fail(prediction_id, token, trouble_code(error), clock)
    finally:
        if not kept:
            keeping.remove_answer(names)
    if kept:
        keeping.remove_other_answers(prediction_id, but=names)


def _look(prediction: Prediction) -> Answer:
    began = time.perf_counter()
    grey = _read_film(prediction.case.radiograph)
    version = prediction.version or registry.in_force()
    if version is None:
        raise Trouble("no_model")
    read = time.perf_counter()
    predictor = _predictor(version)
    loaded = time.perf_counter()
    explanation = predictor.explain(grey, colour=prediction.case.radiograph.colour)
    explained = time.perf_counter()
    picture = _picture(grey, explanation, predictor.manifest)
    seconds = {
        "waited": _seconds_waited(prediction),
        "load": loaded - read,
        "prepare": read - began + explanation.seconds.get("prepare", 0.0),
        "network": explanation.seconds.get("network", explained - loaded),
        "heatmap": time.perf_counter() - explained,
    }
    return Answer(version, predictor.manifest, explanation, picture, seconds)


def _read_film(radiograph: Radiograph) -> Grey:
    try:
        return keeping.read_grey(keeping.film_names(radiograph.pk).grey)
    except (OSError, ValueError) as error:
        raise Trouble("film_missing") from error


def _predictor(version: ModelVersion) -> Predictor:
    try:
        return _load(registry.bundle_path(version), version.weights_sha256)
    except (BundleError, OSError) as error:
        raise Trouble("model_damaged") from error


@lru_cache(maxsize=1)
def _load(bundle: Path, weights_sha256: str) -> Predictor:
    """Hold the network in force in this process; a promotion replaces it at the next film."""
    from ml.predictor import Predictor  # TensorFlow, in the worker's child alone

    predictor = Predictor(bundle)
    if predictor.manifest.weights_sha256 != weights_sha256:
        raise BundleError("These are not the weights that were registered.")
    return predictor


def _picture(grey: Grey, explanation: Explanation, manifest: Manifest) -> bytes:
    heat = explanation.maps[explanation.finding]
    reference = _reference(manifest, explanation.finding, heat)
    return overlay.overlay_png(grey, heat, explanation.frame, reference=reference)


def _reference(manifest: Manifest, finding: str, heat: ClassMap) -> float:
    # A bundle need not name a reference for each class; then the map's own maximum is full heat.
    return manifest.heat_reference.get(finding) or heat.raw_max or 1.0


def _seconds_waited(prediction: Prediction) -> float:
    assert prediction.started_at is not None  # it was claimed
    return max(0.0, (prediction.started_at - prediction.queued_at).total_seconds())


def _keep(prediction: Prediction, token: uuid.UUID, names: AnswerNames, answer: Answer, clock: Clock) -> bool:
    began = time.perf_counter()
    try:
        keeping.keep(names.overlay, answer.overlay)
        maps.save_maps(keeping.path(names.maps), answer.explanation.maps, answer.explanation.frame)
    except OSError as error:
        raise Trouble("no_room") from error
    seconds = answer.seconds | {"store": time.perf_counter() - began}
    try:
        return _finish(prediction, token, names, answer, seconds, clock())
    except IntegrityError as error:
        raise Trouble("answered_before") from error


@transaction.atomic
def _finish(
    prediction: Prediction,
    token: uuid.UUID,
    names: AnswerNames,
    answer: Answer,
    seconds: dict[str, float],
    now: datetime,
) -> bool:
    finished = Prediction.finish(
        prediction.pk,
        token=token,
        now=now,
        version=answer.version,
        probabilities=answer.explanation.probabilities,
        finding=answer.explanation.finding,
        operating_points=answer.manifest.operating_points,
        **_worth(answer),
        heat=_heat(answer),
        maps=names.maps,
        overlay=names.overlay,
        seconds={
            step: round(took, 4) for step, took in seconds.items() if step != "load" or took > NOTICEABLE
        },
    )
    if finished:
        detail = {"prediction": str(prediction.pk), "version": str(answer.version)}
        Case.objects.filter(pk=prediction.case_id).update(suspicion=_suspicion(answer))
        audit.record(action=Action.CASE_CLASSIFIED, by=None, target=prediction.case, detail=detail, now=now)
    return finished


def _suspicion(answer: Answer) -> float:
    """Say how high the film stands where a site reads by suspicion; what the machine cannot tell, highest."""
    found = answer.explanation
    certain = found.answer in ("", AnswerKind.FINDING)
    return found.probabilities.get(Finding.COVID_19, 1.0) if certain else 1.0


def _worth(answer: Answer) -> dict[str, Any]:
    """Give the columns that say what the answer is worth."""
    found = answer.explanation
    return {
        "answer": found.answer,
        "candidates": list(found.candidates),
        "abstention": answer.manifest.abstention,
        "novelty": asdict(found.novelty) if found.novelty else {},
        "film_signs": list(found.film_signs),
    }


def _heat(answer: Answer) -> dict[str, dict[str, float | bool]]:
    return {
        finding: {
            "raw_max": heat.raw_max,
            "reference": _reference(answer.manifest, finding, heat),
            "no_positive_evidence": heat.no_positive_evidence,
        }
        for finding, heat in answer.explanation.maps.items()
    }


@transaction.atomic
def _fail(prediction_id: uuid.UUID, token: uuid.UUID, code: str, clock: Clock) -> None:
    logger.error("prediction %s failed: %s", prediction_id, code, exc_info=True)
    text, now = failures.sentence(code), clock()
    if Prediction.fail(prediction_id, token=token, code=code, text=text, now=now):
        prediction = Prediction.objects.select_related("case").get(pk=prediction_id)
        audit.record(
            action=Action.CLASSIFICATION_FAILED,
            by=None,
            target=prediction.case,
            detail={"prediction": str(prediction_id), "code": code},
            now=now,
        )


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:100]
