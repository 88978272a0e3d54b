"""The quality gate of the prediction job: what it stops, and the row of a stopped prediction."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case, Prediction, PredictionOutcome, Radiograph
from diagnostics.jobs.lease import Lease
from diagnostics.registry.models import ModelVersion
from ml.images.quality_gate import stop_code
from ml.records import Grey

FIRST: Final = 1.0  # triage score of an outcome that is not one finding


def code_of(grey: Grey, radiograph: Radiograph) -> str:
    """Return why the gate stops the score of a radiograph; empty where it does not."""
    code = stop_code(grey, colour=radiograph.colour, view=radiograph.view, age=radiograph.age)
    return code or ""


def is_stopped(prediction: Prediction) -> bool:
    """Return whether a prediction with its code ends here: nobody has overridden the gate."""
    return bool(prediction.quality_code) and not prediction.override_reason


@transaction.atomic
def finish_stopped(prediction: Prediction, lease: Lease, version: ModelVersion | None) -> None:
    """Mark a prediction done without probability and heatmap, and audit its code; raises IntegrityError."""
    now, code = lease.clock(), prediction.quality_code
    prediction.lock_case()
    measured = {"quality_code": code, "input_measures": prediction.input_measures}
    columns = _without_result() | measured | {"version": version}
    if Prediction.finish(prediction.pk, token=lease.token, now=now, **columns):
        Case.objects.filter(pk=prediction.case_id).update(triage_score=FIRST)
        detail = {"prediction": str(prediction.pk), "code": code}
        audit.record(
            action=Action.PREDICTION_STOPPED, by=None, target=prediction.case, detail=detail, now=now
        )


def _without_result() -> dict[str, Any]:
    """Return the columns of a prediction without a result, also where an earlier attempt had one."""
    return {
        "outcome": PredictionOutcome.NOT_SCORED,
        "probabilities": {},
        "finding": "",
        "operating_points": {},
        "candidates": [],
        "abstention": None,
        "out_of_distribution": {},
        "quality_flags": [],
        "heatmaps": {},
        "heatmap_file": "",
        "overlay_file": "",
        "heatmap_sha256": "",
        "overlay_sha256": "",
        "seconds": {},
    }
