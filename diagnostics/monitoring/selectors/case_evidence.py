"""What is stored about a case, as values of JSON with a keyed pseudonym in place of the patient."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final

from django.conf import settings

from diagnostics.cases.models import Case, Prediction, PredictionShown
from diagnostics.cases.selectors.predictions import IS_DONE
from diagnostics.monitoring.selectors.evidence_events import changes_of, person
from diagnostics.registry.models import ModelVersion
from diagnostics.review.models import Claim, Reading
from diagnostics.review.selectors.readings import consensus
from diagnostics.training.models import TrainingRun
from diagnostics.training.snapshot import pseudonym

FORMAT: Final = "readroom-case-evidence-1"
Json = dict[str, Any]
RADIOGRAPH: Final = (
    *("file_sha256", "pixel_sha256", "display_sha256", "grey_sha256", "width", "height", "bits"),
    *("source_format", "view", "sex", "age", "modality", "device"),
)
RESULT: Final = (
    *("status", "probabilities", "finding", "operating_points", "outcome", "candidates", "abstention"),
    *("out_of_distribution", "quality_flags", "quality_code", "override_reason", "attempts", "seconds"),
)


def done_predictions(case: Case) -> list[Prediction]:
    """Return the finished AI results of a case, oldest first."""
    done = case.predictions.filter(IS_DONE).order_by("finished_at")
    return list(done.select_related("version", "override_by"))


def evidence_of(case: Case) -> Json:
    """Return image hashes, AI results with versions and thresholds, readings, times and audit events."""
    return {
        "format": FORMAT,
        "research_use": "Research use only. Not for diagnosis.",
        "case": _case(case),
        "radiograph": {name: getattr(case.radiograph, name) for name in RADIOGRAPH},
        "study_at": _time(case.radiograph.study_at),
        "ai_results": [_result(each) for each in done_predictions(case)],
        "ai_results_shown": _shown(case),
        "claims": _claims(case),
        "readings": _readings(case),
        "pcr_results": _pcr(case),
        "events": changes_of([case]),
    }


def _case(case: Case) -> Json:
    final = consensus(case)
    return {
        "id": str(case.pk),
        "site": str(case.site),
        "patient": pseudonym(case.site_id, case.patient_ref, secret=settings.SECRET_KEY),
        "priority": case.priority,
        "opened_at": _time(case.opened_at),
        "due_at": _time(case.due_at),
        "finalized_at": _time(case.finalized_at),
        "withdrawn_at": _time(case.withdrawn_at),
        "final_finding": final.finding if final else "",
        "readers_needed": final.readers_needed if final else None,
    }


def _result(prediction: Prediction) -> Json:
    return {
        "id": str(prediction.pk),
        "version": _version(prediction.version) if prediction.version else None,
        **{name: getattr(prediction, name) for name in RESULT},
        "override_by": person(prediction.override_by),
        "override_at": _time(prediction.override_at),
        "queued_at": _time(prediction.queued_at),
        "started_at": _time(prediction.started_at),
        "finished_at": _time(prediction.finished_at),
        "heatmap": {
            "method": "grad-cam",
            "classes": prediction.heatmaps,
            "heatmap_sha256": prediction.heatmap_sha256,
            "overlay_sha256": prediction.overlay_sha256,
        },
    }


def _version(version: ModelVersion) -> Json:
    run = TrainingRun.objects.filter(candidate=version).first()
    return {
        "name": str(version),
        "id": str(version.pk),
        "weights_sha256": version.weights_sha256,
        "gate_overridden_at": _time(version.overridden_at),
        "training_run": run.number if run else None,
        "snapshot_sha256": run.snapshot_sha256 if run else "",
    }


def _shown(case: Case) -> list[Json]:
    shown = PredictionShown.objects.filter(case=case).select_related("to").order_by("at")
    return [{"to": person(row.to), "ai_result": str(row.prediction_id), "at": _time(row.at)} for row in shown]


def _claims(case: Case) -> list[Json]:
    claims = Claim.objects.filter(case=case).select_related("by").order_by("since")
    return [
        {
            "by": person(each.by),
            "since": _time(each.since),
            "ended_at": _time(each.ended_at),
            "served": each.served,
        }
        for each in claims
    ]


def _readings(case: Case) -> list[Json]:
    """Return all readings; the undone ones too, which count nowhere."""
    readings = Reading.objects.filter(case=case).select_related("by", "assisted_reading")
    return [_reading(each) for each in readings.order_by("signed_at", "pk")]


def _reading(reading: Reading) -> Json:
    assisted = getattr(reading, "assisted_reading", None)
    return {
        "id": str(reading.pk),
        "by": person(reading.by),
        "kind": reading.kind,
        "finding": reading.finding,
        "confidence": reading.confidence,
        "note": reading.note,
        "structured": reading.structured,
        "signed_at": _time(reading.signed_at),
        "withdrawn_at": _time(reading.withdrawn_at),
        "supersedes": str(reading.supersedes_id) if reading.supersedes_id else None,
        "amendment_reason": reading.amendment_reason,
        "ai_assisted": {
            "ai_result": str(assisted.prediction_id),
            "finding": assisted.finding,
            "at": _time(assisted.at),
        }
        if assisted
        else None,
    }


def _pcr(case: Case) -> list[Json]:
    rows = case.pcr_results.select_related("by").order_by("entered_at")
    return [
        {
            "result": each.result,
            "taken_on": _day(each.taken_on),
            "entered_at": _time(each.entered_at),
            "by": person(each.by),
        }
        for each in rows
    ]


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None
