"""What is stored about a model version, as values of JSON without patient references."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from diagnostics.jobs.models import JobStatus
from diagnostics.monitoring.models import ShadowRun
from diagnostics.monitoring.selectors.evidence_events import changes_of, person
from diagnostics.monitoring.selectors.shadow import counts_by_status, runs
from diagnostics.monitoring.selectors.shadow_comparison import side_of
from diagnostics.registry import promotion_gate
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion, Promotion
from diagnostics.registry.policy import target_of
from diagnostics.training.models import Part, SnapshotLabel, TrainingRun
from diagnostics.training.selectors import runs as training_runs
from diagnostics.training.snapshot import FILE, pseudonym

ROWS: Final = 1000  # of one query and of one chunk
Json = dict[str, Any]


def run_of(version: ModelVersion) -> TrainingRun | None:
    """Return the training run of a version; None for one that was installed with Readroom."""
    return training_runs.runs().filter(candidate=version).first()


def snapshot_path(run: TrainingRun) -> Path:
    """Return the path of a run's snapshot."""
    return training_runs.folder(run) / FILE


def config_of(version: ModelVersion, run: TrainingRun | None) -> Json:
    """Return how a version was made: manifest without metrics, parent, parameters and data hash."""
    manifest = {name: value for name, value in version.manifest.items() if name != "metrics"}
    return {
        "version": str(version),
        "id": str(version.pk),
        "weights_sha256": version.weights_sha256,
        "parent": str(version.parent) if version.parent else None,
        "registered_at": _time(version.registered_at),
        "erased_radiographs": version.erased_radiographs,
        "manifest": manifest,
        "training_run": _run(run) if run else None,
    }


def metrics_of(version: ModelVersion, run: TrainingRun | None) -> Json:
    """Return the stored evaluations and the epochs of the run."""
    columns = ("number", "planned_epochs", "loss", "accuracy", "val_loss", "val_accuracy", "seconds")
    epochs = run.epochs.values(*columns) if run else ()
    return {"evaluations": version.manifest.get("metrics") or {}, "epochs": list(epochs)}


def comparison_of_version(version: ModelVersion) -> Json:
    """Return the comparison with the active version at registration, and the gate."""
    gate = promotion_gate.gate_of(version)
    return {
        "comparison": version.comparison,
        "verdict": version.verdict,
        "verdict_reason": version.verdict_reason,
        "gate": {
            "outcome": gate.outcome,
            "passed": gate.passed,
            "rules": [asdict(rule) for rule in gate.rules],
            "failed_checks": [asdict(check) for check in gate.failed_checks],
            "to_acknowledge": list(gate.to_acknowledge),
        },
    }


def approval_of(version: ModelVersion, run: TrainingRun | None) -> Json:
    """Return who requested and who promoted a version, overrides, and the events of the audit log."""
    shadow_runs = list(runs().filter(version=version))
    return {
        "requested_by": person(version.requested_by),
        "status": registry.status_of(version),
        "gate_overridden_at": _time(version.overridden_at),
        "deployments": [_deployment(each) for each in registry.deployment_history().filter(version=version)],
        "events": changes_of([version, *([run] if run else []), *shadow_runs]),
    }


def shadow_of(version: ModelVersion) -> list[Json]:
    """Return the shadow runs of a version with their agreement matrices, over the cases of all sites.

    A matrix leaves withdrawn cases out, as the comparison on the page does.
    """
    return [_shadow_run(run) for run in runs().filter(version=version)]


def prediction_lines(run: TrainingRun) -> Iterator[bytes]:
    """Yield the predictions of both versions on the test set of a run as CSV."""
    labels = run.labels.filter(part=Part.TEST).select_related("case__radiograph")
    rows = labels.order_by("case__radiograph__pixel_sha256", "label")
    classes = list((run.candidate.manifest["architecture"]["classes"]) if run.candidate else ())
    scores = [f"{side}_{name}" for side in ("candidate", "active") for name in classes]
    yield _csv_line(["radiograph_sha256", "patient", "label_id", "imported", "label", *scores])
    for row in rows.iterator(chunk_size=ROWS):
        yield _csv_line(_prediction_cells(row, classes))


def _prediction_cells(row: SnapshotLabel, classes: list[str]) -> list[str]:
    patient = pseudonym(row.case.site_id, row.case.patient_ref, secret=settings.SECRET_KEY)
    facts = [row.case.radiograph.pixel_sha256, patient, str(row.label), str(row.imported), row.finding]
    return [*facts, *(str(side.get(name, "")) for side in (row.candidate, row.active) for name in classes)]


def _csv_line(cells: list[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()


def _run(run: TrainingRun) -> Json:
    return {
        "number": run.number,
        "id": str(run.pk),
        "trigger": run.trigger,
        "parameters": run.parameters,
        "snapshot_sha256": run.snapshot_sha256,
        "counts": run.counts,
        "queued_at": _time(run.queued_at),
        "started_at": _time(run.started_at),
        "finished_at": _time(run.finished_at),
        "attempts": run.attempts,
        "started_by": person(run.started_by),
    }


def _deployment(promotion: Promotion) -> Json:
    return {
        "since": _time(promotion.since),
        "until": _time(promotion.until),
        "by": person(promotion.by),
        "reason": promotion.reason,
        "override": promotion.override,
        "acknowledged": promotion.acknowledged,
        "one_person": promotion.one_person,
        "roll_back": promotion.roll_back,
        "operating_points": promotion.operating_points,
        "operating_choice": promotion.operating_choice,
    }


def _shadow_run(run: ShadowRun) -> Json:
    target = target_of(run.version.manifest)
    matrix: Counter[tuple[str, str]] = Counter()
    done = run.predictions.filter(status=JobStatus.DONE, case__withdrawn_at=None)
    for each in done.select_related("prediction").iterator(ROWS):
        active = each.prediction
        matrix[
            side_of(active.probabilities, active.operating_points, target=target).finding,
            side_of(each.probabilities, run.operating_points, target=target).finding,
        ] += 1
    pairs = [{"active": pair[0], "shadow": pair[1], "cases": count} for pair, count in sorted(matrix.items())]
    return {
        "id": str(run.pk),
        "against": str(run.against.version),
        "operating_points": run.operating_points,
        "started_at": _time(run.started_at),
        "started_by": person(run.started_by),
        "ended_at": _time(run.ended_at),
        "ended_by": person(run.ended_by),
        "end": run.end,
        "counts": counts_by_status(run.pk),
        "matrix": pairs,
    }


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None
