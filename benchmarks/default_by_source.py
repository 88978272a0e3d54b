"""Discrimination, flags and calibration of default networks by source, before and after a replacement.

python -m benchmarks.default_by_source DATA --run FOLDER BUNDLE [BUNDLE ...]

No test radiograph was used for the training or the calibration of the last bundle: Cohen's are of held-out
patients, the others of the half of the validation patients that set no threshold. `--run` is the folder of
the long training, which keeps the selection of the radiographs.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.default_network.radiographs import CHILDREN, COHEN, datasets, internal_test
from ml.datasets.hashing import hash_fraction
from ml.images.decoding import decode_radiograph
from ml.inference.predictor import Predictor
from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED, TARGET
from ml.records import LabelledImage

MAX_PER_CELL: Final = 300  # radiographs of one class and source
HANNOVER: Final = "hannover"  # one hospital of Cohen's collection, with and without COVID-19
NIH: Final = "nih"
RADIOGRAPHY: Final = "radiography"  # both classes of the Radiography Database
BINS: Final = 10
HEAD: Final = "| radiographs with COVID-19 | without | n with, without | {} |\n| --- | --- | --- |{}"

Truth = NDArray[np.bool_]


@dataclass(frozen=True)
class SourceScores:
    """Predictions of one bundle for n test radiographs, in the order of the radiographs."""

    version: str
    scores: NDArray[np.float64]  # calibrated probability of COVID-19, (n,)
    flagged: Truth  # at the operating point, (n,)
    out_of_distribution: Truth  # (n,)


@dataclass(frozen=True)
class Comparison:
    """Radiographs with and without COVID-19 whose order by score is compared; each is a mask (n,)."""

    name: tuple[str, str]
    positive: Truth
    negative: Truth


def main() -> None:
    """Predict the test radiographs with each bundle and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the public collections")
    parser.add_argument("bundles", type=Path, nargs="+", help="bundles, the earlier one first")
    parser.add_argument("--run", type=Path, required=True, help="folder of the long training")
    arguments = parser.parse_args()
    radiographs = select_tests(arguments.data, arguments.run)
    sources = sources_of(radiographs, hannover_files(arguments.data))
    predicted = [predict(bundle, radiographs) for bundle in arguments.bundles]
    print(discrimination_table(predicted, radiographs, sources))
    for prediction in predicted:
        print(f"\n{prediction.version}\n\n{source_table(prediction, radiographs, sources)}")


def select_tests(data: Path, run: Path) -> tuple[LabelledImage, ...]:
    """Return the held-out radiographs and at most 300 of each other class and source, by hash of the name."""
    collected = datasets(data, run)
    others = [image for image in internal_test(collected.split.validation) if image.source != COHEN]
    others.sort(key=lambda image: hash_fraction(image.path.name, "test by source"))
    counts: dict[tuple[str, str], int] = {}
    kept = []
    for image in others:
        cell = image.label, image.source
        counts[cell] = counts.get(cell, 0) + 1
        if counts[cell] <= MAX_PER_CELL:
            kept.append(image)
    return (*collected.held_out, *kept)


def hannover_files(data: Path) -> frozenset[str]:
    """Return the names of the radiographs of Hannover Medical School in Cohen's collection."""
    with (data / "covid-chestxray-dataset" / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return frozenset(row["filename"] for row in csv.DictReader(file) if "Hannover" in row["location"])


def sources_of(radiographs: Sequence[LabelledImage], hannover: frozenset[str]) -> dict[str, Truth]:
    """Return for each source which radiographs belong to it, (n,); Hannover's are Cohen's too."""
    source = np.array([image.source for image in radiographs])
    names = np.array([image.path.name in hannover for image in radiographs])
    return {
        COHEN: source == COHEN,
        HANNOVER: (source == COHEN) & names,
        RADIOGRAPHY: np.char.startswith(source, RADIOGRAPHY),
        NIH: source == NIH,
        CHILDREN: source == CHILDREN,
    }


def predict(bundle: Path, radiographs: Sequence[LabelledImage]) -> SourceScores:
    """Return the predictions of a bundle in TensorFlow; raises BundleError, UnreadableImage or OSError."""
    predictor = Predictor(bundle)
    point = predictor.manifest.operating_points[TARGET]
    explanations = [
        predictor.explain(decode_radiograph(image.path.read_bytes()).grey) for image in radiographs
    ]
    scores = np.array([explanation.probabilities[TARGET] for explanation in explanations])
    strange = [
        explanation.out_of_distribution is not None and explanation.out_of_distribution.exceeded
        for explanation in explanations
    ]
    return SourceScores(predictor.manifest.version, scores, scores >= point, np.array(strange))


def comparisons(radiographs: Sequence[LabelledImage], sources: dict[str, Truth]) -> tuple[Comparison, ...]:
    """Return the pairs of positives and negatives, within a source and across sources."""
    covid = np.array([image.label == TARGET for image in radiographs])
    pairs = (
        (COHEN, COHEN), (HANNOVER, HANNOVER), (RADIOGRAPHY, RADIOGRAPHY),
        (COHEN, NIH), (COHEN, CHILDREN), (COHEN, RADIOGRAPHY),
    )  # fmt: skip
    return tuple(
        Comparison((positive, negative), covid & sources[positive], ~covid & sources[negative])
        for positive, negative in pairs
    )


def discrimination_table(
    predicted: Sequence[SourceScores], radiographs: Sequence[LabelledImage], sources: dict[str, Truth]
) -> str:
    """Return the AUROC of each comparison and bundle, and the paired difference of the last two."""
    titles = [f"AUROC {prediction.version}" for prediction in predicted]
    if len(predicted) > 1:
        titles.append("difference")
    lines = [HEAD.format(" | ".join(titles), " --- |" * len(titles))]
    for comparison in comparisons(radiographs, sources):
        areas = [_areas(prediction, comparison, radiographs) for prediction in predicted]
        cells = [_interval_text(*area) for area in areas]
        if len(areas) > 1:
            before, after = areas[-2:]
            cells.append(_interval_text(after[0] - before[0], after[1] - before[1], sign="+"))
        counts = f"{comparison.positive.sum()}, {comparison.negative.sum()}"
        lines.append(f"| {' | '.join((*comparison.name, counts, *cells))} |")
    return "\n".join(lines)


def source_table(
    prediction: SourceScores, radiographs: Sequence[LabelledImage], sources: dict[str, Truth]
) -> str:
    """Return flags, out-of-distribution share and calibration of one bundle for each source."""
    lines = [
        "| source | sensitivity | specificity | out of distribution | mean probability less prevalence "
        "| calibration error |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in by_source(prediction, radiographs, sources).items():
        shares = (row["sensitivity"], row["specificity"], row["out_of_distribution"])
        shown = " | ".join(map(_share_text, shares))
        lines.append(f"| {name} | {shown} | {row['excess']:+.3f} | {row['calibration_error']:.3f} |")
    return "\n".join(lines)


def by_source(
    prediction: SourceScores, radiographs: Sequence[LabelledImage], sources: dict[str, Truth]
) -> dict[str, dict[str, Any]]:
    """Return for each source counts [successes, trials] of the flags, and how far probabilities are off."""
    covid = np.array([image.label == TARGET for image in radiographs])

    def counts(counted: Truth, among: Truth) -> list[int]:
        return [int((counted & among).sum()), int(among.sum())]

    return {
        name: {
            "sensitivity": counts(prediction.flagged, of_source & covid),
            "specificity": counts(~prediction.flagged, of_source & ~covid),
            "out_of_distribution": counts(prediction.out_of_distribution, of_source),
            "excess": round(float((prediction.scores - covid)[of_source].mean()), 4),
            "calibration_error": round(
                statistics.calibration_error(prediction.scores[of_source], covid[of_source], bins=BINS), 4
            ),
        }
        for name, of_source in sources.items()
    }


def _areas(
    prediction: SourceScores, comparison: Comparison, radiographs: Sequence[LabelledImage]
) -> tuple[float, NDArray[np.float64]]:
    """Return the AUROC of a comparison, and that of each resample of its patients."""
    chosen = comparison.positive | comparison.negative
    scores, truth = prediction.scores[chosen], comparison.positive[chosen]
    patients = [image.patient for image, used in zip(radiographs, chosen, strict=True) if used]
    weights = statistics.patient_weights(np.unique(patients, return_inverse=True)[1], seed=SEED)
    return statistics.auroc(scores, truth), statistics.weighted_auroc(scores, truth, weights)


def _interval_text(value: float, resampled: NDArray[np.float64], sign: str = "") -> str:
    low, high = statistics.percentile_interval(resampled)
    return f"{value:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def _share_text(counts: Sequence[int]) -> str:
    successes, trials = counts
    if not trials:
        return "none"
    low, high = statistics.wilson(successes, trials)
    return f"{successes / trials:.3f} [{low:.3f}, {high:.3f}] of {trials}"


if __name__ == "__main__":
    main()
