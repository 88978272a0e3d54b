"""Choose the size the default bundle is served at, calibrate it, measure it, write its card."""

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
AS_GOOD: Final = 0.01  # AUROC that a finer heat map (a larger size) may cost
COVERED: Final = (0.12, 0.88)  # of each side: the middle that holds the lungs
VERSION: Final = "default"


def measure(directory: Path, radiographs: PublicDatasets, first_part: Path | None = None) -> None:
    """Renew the served size, the calibration, all figures and the card of a trained bundle.

    `first_part` is the bundle that the training went on from, if it had two parts.
    """
    by_size = {size: _measured_at(directory, size, radiographs) for size in SIZES}
    areas = {size: held_out.per_class[TARGET].auroc.value for size, held_out in by_size.items()}
    chosen = max(size for size in SIZES if areas[size] >= max(areas.values()) - AS_GOOD)
    _serve_at(directory, chosen)
    manifest = calibration.calibrate(
        directory, radiographs.split.validation, learning=radiographs.split.train
    )
    held_out = evaluation.evaluate(directory, radiographs.held_out)
    internal = evaluation.evaluate(directory, radiographs.split.validation)
    metrics: dict[str, Any] = {
        "held_out": held_out.summary(),
        "internal": internal.summary(),
        "held_out_auroc_by_size": {str(size): round(area, 4) for size, area in areas.items()},
        "middle_covered": {
            "held_out": _without_middle(directory, radiographs.held_out),
            "internal": _without_middle(directory, radiographs.split.validation),
        },
    }
    model, _ = bundle.load_network(directory)
    training = _training(manifest, radiographs)
    if first_part is not None:
        training["first_part"] = bundle.read_manifest(first_part).training
    manifest = replace(manifest, version=VERSION, parent="", metrics=metrics, training=training)
    bundle.write(directory, model, manifest)
    (directory / bundle.CARD).write_text(default_card.card(manifest, trust=None), encoding="utf-8")
    (directory / "epochs.jsonl").unlink(missing_ok=True)  # the manifest holds them now


def _measured_at(directory: Path, size: int, radiographs: PublicDatasets) -> Evaluation:
    _serve_at(directory, size)
    return evaluation.evaluate(directory, radiographs.held_out)


def _serve_at(directory: Path, size: int) -> None:
    """Change the size of the input; weights of a net that ends in global average pooling fit any."""
    model, manifest = bundle.load_network(directory)
    changed = replace(
        manifest,
        architecture=replace(manifest.architecture, size=size),
        preprocessing=replace(manifest.preprocessing, size=size),
    )
    bundle.write(directory, model, changed)


def _without_middle(directory: Path, radiographs: Sequence[LabelledImage]) -> float:
    """Return the AUROC that is left when the middle of every radiograph is black: what needs no lungs."""
    model, manifest = bundle.load_network(directory)
    prep = manifest.preprocessing
    store = batches.load(radiographs, prep, side=prep.size)
    first, last = (round(share * prep.size) for share in COVERED)
    store.pixels[:, first:last, first:last] = 0
    logits = np.asarray(model.predict(store.inputs(prep), batch_size=16, verbose=0), np.float64)
    place = manifest.architecture.classes.index(TARGET)
    truth = np.array([radiograph.label == TARGET for radiograph in store.radiographs])
    return round(statistics.auroc(softmax(logits, axis=1)[:, place], truth), 4)


def _training(manifest: Manifest, radiographs: PublicDatasets) -> dict[str, Any]:
    counts = Split(radiographs.split.train, radiographs.split.validation, radiographs.held_out).counts()
    parts = {
        "train": radiographs.split.train,
        "validation": radiographs.split.validation,
        "test": radiographs.held_out,
    }
    sources = {
        name: {f"{label}, {source}": n for (label, source), n in sorted(_cells(part).items())}
        for name, part in parts.items()
    }
    return {**manifest.training, "counts": counts, "sources": sources, "left_aside": radiographs.left_aside}


def _cells(radiographs: Sequence[LabelledImage]) -> Counter[tuple[str, str]]:
    return Counter((radiograph.label, radiograph.source) for radiograph in radiographs)
