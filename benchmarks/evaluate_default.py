"""Evaluation of the default bundle: choice of the input size, calibration, metrics and model card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import softmax

from benchmarks import default_card
from benchmarks.public_datasets import PublicDatasets
from ml.datasets import batches
from ml.datasets.patient_split import Split
from ml.inference import calibration
from ml.metrics import evaluation, statistics
from ml.metrics.evaluation_result import TARGET, Evaluation
from ml.networks import bundle
from ml.records import LabelledImage, Manifest

SIZES: Final = (96, 112, 128, 160)
TOLERANCE: Final = 0.01  # AUROC that a larger size, and so a finer heatmap, may lose
COVERED: Final = (0.12, 0.88)  # of each side: the middle with the lungs
VERSION: Final = "default"


def evaluate(directory: Path, datasets: PublicDatasets, first_stage: Path | None = None) -> None:
    """Set input size and calibration of a trained bundle and write its metrics and card.

    `first_stage` is the bundle from which the training continued, if it had two stages.
    """
    aurocs = _choose_size(directory, datasets)
    manifest = calibration.calibrate(
        directory, datasets.split.validation, training_images=datasets.split.train
    )
    parts = {"held_out": datasets.held_out, "internal": datasets.split.validation}
    metrics: dict[str, Any] = {
        name: evaluation.evaluate(directory, part).summary() for name, part in parts.items()
    }
    metrics["held_out_auroc_by_size"] = {str(size): round(auroc, 4) for size, auroc in aurocs.items()}
    metrics["middle_covered"] = {name: _auroc_without_middle(directory, part) for name, part in parts.items()}
    model, _ = bundle.load_network(directory)
    training = _training(manifest, datasets)
    if first_stage is not None:
        training["first_part"] = bundle.read_manifest(first_stage).training
    manifest = replace(manifest, version=VERSION, parent="", metrics=metrics, training=training)
    bundle.write(directory, model, manifest)
    card = default_card.card(manifest, trust_report=None)
    (directory / bundle.CARD).write_text(card, encoding="utf-8")
    (directory / "epochs.jsonl").unlink(missing_ok=True)  # the manifest contains the epochs


def _choose_size(directory: Path, datasets: PublicDatasets) -> dict[int, float]:
    """Set the largest size with an AUROC close to the best; return the AUROC of each size."""
    by_size = {size: _evaluated_at(directory, size, datasets) for size in SIZES}
    aurocs = {size: result.per_class[TARGET].auroc.value for size, result in by_size.items()}
    _set_size(directory, max(size for size in SIZES if aurocs[size] >= max(aurocs.values()) - TOLERANCE))
    return aurocs


def _evaluated_at(directory: Path, size: int, datasets: PublicDatasets) -> Evaluation:
    _set_size(directory, size)
    return evaluation.evaluate(directory, datasets.held_out)


def _set_size(directory: Path, size: int) -> None:
    """Change the input size; the weights of a network with global average pooling fit any size."""
    model, manifest = bundle.load_network(directory)
    resized = replace(
        manifest,
        architecture=replace(manifest.architecture, size=size),
        preprocessing=replace(manifest.preprocessing, size=size),
    )
    bundle.write(directory, model, resized)


def _auroc_without_middle(directory: Path, radiographs: Sequence[LabelledImage]) -> float:
    """Return the AUROC when the middle of every image is black: the part that does not depend on lungs."""
    model, manifest = bundle.load_network(directory)
    prep = manifest.preprocessing
    store = batches.load(radiographs, prep, side=prep.size)
    first, last = (round(share * prep.size) for share in COVERED)
    store.pixels[:, first:last, first:last] = 0
    logits = np.asarray(model.predict(store.inputs(prep), batch_size=16, verbose=0), np.float64)
    target = manifest.architecture.classes.index(TARGET)
    truth = np.array([radiograph.label == TARGET for radiograph in store.radiographs])
    return round(statistics.auroc(softmax(logits, axis=1)[:, target], truth), 4)


def _training(manifest: Manifest, datasets: PublicDatasets) -> dict[str, Any]:
    split = Split(datasets.split.train, datasets.split.validation, datasets.held_out)
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    sources = {name: _counts_by_label_and_source(part) for name, part in parts.items()}
    return {
        **manifest.training,
        "counts": split.counts(),
        "sources": sources,
        "excluded_counts": datasets.excluded,
    }


def _counts_by_label_and_source(radiographs: Sequence[LabelledImage]) -> dict[str, int]:
    counts = Counter((radiograph.label, radiograph.source) for radiograph in radiographs)
    return {f"{label}, {source}": n for (label, source), n in sorted(counts.items())}
