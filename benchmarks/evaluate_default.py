"""Calibration and metrics of a trained default network, and its model card.

python -m benchmarks.evaluate_default DATA BUNDLE --run FOLDER

Temperature, thresholds and limits are set on half of the validation patients; the other half and the
held-out half of Cohen's patients are measured. This command chooses nothing by what they show; the card
says which candidate was set aside by them.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.special import softmax

from benchmarks import default_by_source, default_card
from benchmarks.default_network.radiographs import calibration_part, datasets, internal_test
from ml.datasets import batches
from ml.inference import calibration
from ml.metrics import evaluation, statistics
from ml.metrics.evaluation_result import TARGET
from ml.networks import bundle
from ml.records import LabelledImage

COVERED: Final = (0.12, 0.88)  # of each side: the middle with the lungs
VERSION: Final = "default"


def main() -> None:
    """Parse the arguments, calibrate the bundle, and write its metrics and its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the public collections")
    parser.add_argument("bundle", type=Path, help="the exported bundle, which is changed")
    parser.add_argument("--run", type=Path, required=True, help="folder of the long training")
    arguments = parser.parse_args()
    evaluate(arguments.bundle, arguments.data, arguments.run)


def evaluate(directory: Path, data: Path, run: Path) -> None:
    """Calibrate a bundle, measure it, and write metrics and card."""
    collected = datasets(data, run)
    split, held_out = collected.split, collected.held_out
    fitted, internal = calibration_part(split.validation), internal_test(split.validation)
    manifest = calibration.calibrate(directory, fitted, training_images=split.train)
    parts = {"held_out": held_out, "internal": internal}
    metrics: dict[str, Any] = {
        name: evaluation.evaluate(directory, part).summary() for name, part in parts.items()
    }
    metrics["middle_covered"] = {name: _auroc_without_middle(directory, part) for name, part in parts.items()}
    metrics["by_source"] = _by_source(directory, data, run)
    counted = {"train": split.train, "calibration": fitted, "internal": internal, "test": held_out}
    training = {
        **manifest.training,
        "sources": {name: _counts_by_label_and_source(part) for name, part in counted.items()},
        "excluded_counts": collected.excluded,
    }
    model, _ = bundle.load_network(directory)
    manifest = replace(manifest, version=VERSION, parent="", metrics=metrics, training=training)
    bundle.write(directory, model, manifest)
    card = default_card.card(manifest, trust_report=None)
    (directory / bundle.CARD).write_text(card, encoding="utf-8")


def _by_source(directory: Path, data: Path, run: Path) -> dict[str, Any]:
    radiographs = default_by_source.select_tests(data, run)
    sources = default_by_source.sources_of(radiographs, default_by_source.hannover_files(data))
    prediction = default_by_source.predict(directory, radiographs)
    return default_by_source.by_source(prediction, radiographs, sources)


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


def _counts_by_label_and_source(radiographs: Sequence[LabelledImage]) -> dict[str, int]:
    counts = Counter((radiograph.label, radiograph.source) for radiograph in radiographs)
    return {f"{label}, {source}": n for (label, source), n in sorted(counts.items())}


if __name__ == "__main__":
    main()
