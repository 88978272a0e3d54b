"""Cases with predictions of an active version, and shadow scores of another, as rows without a network."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any
from uuid import uuid4

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.jobs.models import JobStatus
from diagnostics.monitoring.models import ShadowPrediction, ShadowRun
from diagnostics.registry.models import ModelVersion

_NUMBERS = count(1)


def scores(covid: float, pneumonia: float = 0.0) -> dict[str, float]:
    """Return probabilities of three classes."""
    return {"covid-19": covid, "pneumonia": pneumonia, "normal": 1 - covid - pneumonia}


def add_case(site: Site, by: User, now: datetime, **columns: Any) -> Case:
    """Store a case with a radiograph without files."""
    number = next(_NUMBERS)
    reference = columns.pop("patient_ref", f"MRN-{number:06}")
    case = Case.objects.create(
        site=site,
        patient_ref=reference,
        accession_number=f"ACC-{number}",
        opened_by=by,
        opened_at=now,
        due_at=now,
        **columns,
    )
    Radiograph.objects.create(
        case=case,
        site=site,
        original="radiographs/a",
        display="radiographs/b.png",
        file_sha256=uuid4().hex * 2,
        pixel_sha256=uuid4().hex * 2,
        width=256,
        height=256,
        bits=8,
        source_format="PNG",
        is_control_copy=case.copy_of_id is not None,
    )
    return case


def classify(
    case: Case,
    version: ModelVersion,
    now: datetime,
    covid: float = 0.9,
    *,
    queued_at: datetime | None = None,
    **columns: Any,
) -> Prediction:
    """Store a finished prediction of a version, flagged from 0.5."""
    values: dict[str, Any] = {
        "probabilities": scores(covid),
        "operating_points": {"covid-19": 0.5, "pneumonia": 0.5, "normal": 0.5},
        "finding": "covid-19" if covid >= 0.5 else "normal",
        "outcome": "finding",
        "finished_at": now,
    }
    return Prediction.objects.create(
        case=case,
        version=version,
        status=JobStatus.DONE,
        queued_at=queued_at or now,
        heatmap_file="",
        **(values | columns),
    )


def score(run: ShadowRun, prediction: Prediction, probabilities: dict[str, float], **columns: Any) -> None:
    """Store a finished score of a shadow run."""
    ShadowPrediction.objects.create(
        run=run,
        case=prediction.case,
        prediction=prediction,
        status=JobStatus.DONE,
        queued_at=prediction.queued_at,
        finished_at=prediction.finished_at,
        probabilities=probabilities,
        finding=max(probabilities, key=probabilities.__getitem__),
        **({"outcome": "finding"} | columns),
    )
