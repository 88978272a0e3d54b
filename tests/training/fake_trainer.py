"""Replacements of the trainer, the evaluation and the trust report that run no network.

`test_real_training.py` checks that `FakeTrainer` has the signature and the results of the real trainer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.datasets.patient_split import Split
from ml.metrics.evaluation_result import Evaluation, from_logits
from ml.networks import bundle
from ml.recipes import TrainingSpec
from ml.records import EpochReport, LabelledImage, Manifest, Preprocessing
from ml.trust.dataset_scan import scan_dataset
from ml.trust.leak_checks import (
    LeakReport,
    duplicates_across_patients,
    near_duplicates_of,
    single_sources,
)
from ml.trust.report_files import HTML, JSON
from ml.trust.source_confounding import NO_TAGS, FileTags


@dataclass
class FakeTrainer:
    """A trainer whose epochs take no time; `after_epoch` calls a function after the epoch of that number."""

    after_epoch: Mapping[int, Callable[[], object]] = field(default_factory=dict)
    unusable: bool = False

    def __call__(
        self,
        radiographs: Split,
        spec: TrainingSpec,
        *,
        start_from: Path | None,
        out: Path,
        on_epoch: Callable[[EpochReport], None],
        should_stop: Callable[[], bool],
        imagenet: Path | None = None,
        checkpoints: Path | None = None,
        on_begin: Callable[[Sequence[EpochReport]], None] = lambda _epochs: None,
        on_batch: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Manifest:
        """Report epochs, store a checkpoint after each, and write a bundle with placeholder weights."""
        reports = _stored_reports(checkpoints)
        on_begin(tuple(reports))
        resumed_after = len(reports)
        while len(reports) < spec.epochs and not should_stop():
            on_batch(1, 1)
            report = _report(len(reports) + 1, spec.epochs)
            reports.append(report)
            on_epoch(report)
            _store_reports(checkpoints, reports)
            self.after_epoch.get(report.epoch, lambda: None)()
        if not reports or self.unusable:
            raise no_usable_network()
        return _write_bundle(radiographs, spec, start_from, out, reports, resumed_after)


def no_usable_network() -> Exception:
    """Return the real trainer's exception for a training without a result."""
    from ml.training.errors import NoUsableNetwork

    return NoUsableNetwork("The training has no result.")


def fake_evaluate(directory: Path, images: Sequence[LabelledImage]) -> Evaluation:
    """Evaluate predictions that are wrong for every fifth image, with the classes of the bundle."""
    manifest = bundle.read_manifest(directory)
    classes = manifest.architecture.classes
    logits = np.full((len(images), len(classes)), -1.0)
    for row, image in enumerate(images):
        correct = classes.index(image.label)
        logits[row, (correct + (row % 5 == 4)) % len(classes)] = 2.0
    return from_logits(manifest, images, logits)


def without_probes(
    images: Sequence[LabelledImage], prep: Preprocessing, *, tags: FileTags = NO_TAGS
) -> LeakReport:
    """Run the checks that need no probe: the probes train classifiers, which takes seconds."""
    scan = scan_dataset(images, prep)
    checks = (duplicates_across_patients(scan), single_sources(scan))
    return LeakReport(checks, near_duplicates_of(scan))


def fake_trust_report(directory: Path, split: Split, *, on_start: Callable[[int, int, str], None]) -> None:
    """Write a trust report of two passed checks."""
    for number in (1, 2):
        on_start(number, 2, f"A{number}")
    report = {"verdict": "passed", "failed": [], "checks": [{"status": "PASS"}, {"status": "PASS"}]}
    (directory / JSON).write_text(json.dumps(report))
    (directory / HTML).write_text("<!doctype html><title>Trust report</title>")


def _report(number: int, epochs: int) -> EpochReport:
    loss = 1.0 / number
    return EpochReport(
        epoch=number,
        epochs=epochs,
        loss=loss,
        accuracy=1 - loss / 2,
        val_loss=loss,
        val_accuracy=1 - loss / 2,
        seconds=1.0,
        phase="all layers, 64 px",
    )


def _stored_reports(checkpoints: Path | None) -> list[EpochReport]:
    if checkpoints is None or not (checkpoints / "epochs.json").is_file():
        return []
    return [EpochReport(**row) for row in json.loads((checkpoints / "epochs.json").read_text())]


def _store_reports(checkpoints: Path | None, reports: Sequence[EpochReport]) -> None:
    if checkpoints is not None:
        checkpoints.mkdir(parents=True, exist_ok=True)
        (checkpoints / "epochs.json").write_text(json.dumps([asdict(report) for report in reports]))


def _write_bundle(
    radiographs: Split,
    spec: TrainingSpec,
    start_from: Path | None,
    out: Path,
    reports: Sequence[EpochReport],
    resumed_after: int,
) -> Manifest:
    parent = bundle.read_manifest(start_from) if spec.fine_tune and start_from else None
    architecture = parent.architecture if parent else spec.architecture
    known = architecture.classes if parent else ()
    classes = (*known, *(label for label in radiographs.classes if label not in known))
    weights = f"{classes} {len(reports)} {radiographs.counts()}".encode()
    manifest = Manifest(
        version="candidate",
        architecture=replace(architecture, classes=classes),
        preprocessing=parent.preprocessing if parent else spec.preprocessing,
        operating_points=dict.fromkeys(classes, 0.5),
        heatmap_reference=dict.fromkeys(classes, 1.0),
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        created_at="2026-01-01T00:00:00+00:00",
        training=_training(radiographs, spec, reports, resumed_after),
        parent=parent.version if parent else "",
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / bundle.WEIGHTS).write_bytes(weights)
    (out / bundle.CARD).write_text("# Model card\n")
    (out / bundle.MANIFEST).write_text(json.dumps(asdict(manifest)))
    return bundle.verify(out)


def _training(
    radiographs: Split, spec: TrainingSpec, reports: Sequence[EpochReport], resumed_after: int
) -> dict[str, Any]:
    return {
        "counts": radiographs.counts(),
        "selected_epoch": len(reports),
        "stopped": len(reports) < spec.epochs,
        "epochs": [asdict(report) for report in reports],
        "resumed_after": resumed_after,
    }
