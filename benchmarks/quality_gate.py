"""Fits the quality detector to one half of the patients and measures the gate on the other half.

python -m benchmarks.quality_gate DATA [--fit] [--seed 1]
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from benchmarks.quality_pictures import Picture, half_of, pictures
from benchmarks.quality_variants import INVERTED, PART, TURNED, VARIANTS, changed, other_kinds
from ml.images import quality_detector
from ml.images.quality_detector import COEFFICIENTS, FRONTAL, MAX_DEVIATION, OTHER_KINDS, Coefficients
from ml.images.quality_features import Vector, features_of
from ml.metrics.statistics import wilson

FITTED, MEASURED = 0, 1
UNITS: Final = 48  # of the hidden layer
WEIGHT_DECAY: Final = 3.0
EPOCHS: Final = 40
FOLDS: Final = 4
STOPPED_SHARE: Final = 0.01  # of frontal adult radiographs, in the folds of the fitted half
FRONTAL_KINDS: Final = ("frontal, Cohen", "frontal, NIH", "frontal, Radiography")
KINDS: Final = {
    "lateral view": "lateral-view",
    "CT slice": "ct-slice",
    INVERTED: "inverted",
    PART: "not-a-chest",
    TURNED: "not-a-chest",
    "drawn chest": FRONTAL,
    "frontal, children": FRONTAL,
    **dict.fromkeys(FRONTAL_KINDS, FRONTAL),
}  # every other kind is not a radiograph


@dataclass(frozen=True)
class Row:
    """The features of one picture and of its variants."""

    kind: str
    group: str
    features: list[Vector]


def main() -> None:
    """Fit where asked, then print the table of the measured half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fit", action="store_true", help="fit and replace the shipped coefficients")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    rows, fingerprint, milliseconds = _rows(arguments.data, arguments.seed)
    if arguments.fit:
        origin = f"seed {arguments.seed}, features of all pictures sha256 {fingerprint}"
        quality_detector.save(_fitted_with_threshold(rows, arguments.seed), COEFFICIENTS, origin=origin)
    print(f"Seed {arguments.seed}; {len(rows)} pictures, their features sha256 {fingerprint[:16]}")
    print("\n".join(table([row for row in rows if half_of(row.group) == MEASURED])))
    print(f"Features: {milliseconds:.1f} ms for each picture on one core")


def table(rows: list[Row]) -> list[str]:
    """Return the Markdown table of the pictures that the shipped detector stops, by kind."""
    codes: dict[str, list[str]] = defaultdict(list)
    coefficients = quality_detector.shipped_coefficients()
    for row in rows:
        kinds = quality_detector.probabilities(row.features[0], coefficients)
        code = quality_detector.code_of(kinds, coefficients.threshold) or ""
        codes[row.kind].append(code)
    codes["**all frontal, adult**"] = [code for kind in FRONTAL_KINDS for code in codes[kind]]
    codes["**all wrong kinds**"] = [
        code
        for kind, each in list(codes.items())
        if _class_of(kind) != FRONTAL and "*" not in kind
        for code in each
    ]
    lines = ["| kind | stopped | share | 95 % interval | codes |", "| --- | --- | --- | --- | --- |"]
    return [*lines, *(_line(kind, codes[kind]) for kind in sorted(codes))]


def _line(kind: str, codes: list[str]) -> str:
    stopped = [code for code in codes if code]
    low, high = wilson(len(stopped), len(codes))
    named = ", ".join(f"{code} {count}" for code, count in Counter(stopped).most_common())
    share = len(stopped) / len(codes)
    return f"| {kind} | {len(stopped)}/{len(codes)} | {share:.1%} | {low:.1%} to {high:.1%} | {named} |"


def _rows(data: Path, seed: int) -> tuple[list[Row], str, float]:
    """Return the features of all pictures, their SHA-256, and the mean milliseconds of the features."""
    random, digest, rows, seconds = np.random.default_rng(seed), hashlib.sha256(), [], []
    for picture in _all_kinds(pictures(data), random):
        started = time.perf_counter()
        features = [features_of(picture.grey)]
        seconds.append(time.perf_counter() - started)
        if half_of(picture.group) == FITTED:
            variants = range(VARIANTS.get(picture.kind, 1))
            features += [features_of(changed(picture.grey, random)) for _ in variants]
        for each in features:
            digest.update(each.round(3).tobytes())
        rows.append(Row(picture.kind, picture.group, features))
    return rows, digest.hexdigest(), 1000 * float(np.mean(seconds))


def _all_kinds(originals: Iterator[Picture], random: np.random.Generator) -> Iterator[Picture]:
    for picture in originals:
        yield picture
        yield from other_kinds(picture, random)


def _fitted_with_threshold(rows: list[Row], seed: int) -> Coefficients:
    """Fit to the fitted half; the threshold comes from patients that a fold was not fitted to."""
    fitted = [row for row in rows if half_of(row.group) == FITTED]
    frontal: list[float] = []
    for fold in range(FOLDS):
        coefficients = _fitted([row for row in fitted if _fold_of(row) != fold], 0.0, seed)
        frontal += [
            float(quality_detector.probabilities(row.features[0], coefficients)[0])
            for row in fitted
            if _fold_of(row) == fold and row.kind in FRONTAL_KINDS
        ]
    return _fitted(fitted, float(np.quantile(frontal, STOPPED_SHARE)), seed)


def _fitted(rows: list[Row], threshold: float, seed: int) -> Coefficients:
    features = np.array([each for row in rows for each in row.features])
    kinds = [_class_of(row.kind) for row in rows for _ in row.features]
    labels = np.array([(FRONTAL, *OTHER_KINDS).index(kind) for kind in kinds])
    scaler = StandardScaler().fit(features)
    standard = np.clip(scaler.transform(features), -MAX_DEVIATION, MAX_DEVIATION)
    network = MLPClassifier((UNITS,), alpha=WEIGHT_DECAY, max_iter=EPOCHS, random_state=seed, tol=0)
    network.fit(standard, labels)
    (hidden, output), (hidden_bias, output_bias) = network.coefs_, network.intercepts_
    return Coefficients(
        scaler.mean_, scaler.scale_, hidden, hidden_bias, output, output_bias, threshold=threshold
    )


def _class_of(kind: str) -> str:
    return KINDS.get(kind, "not-a-radiograph")


def _fold_of(row: Row) -> int:
    return hashlib.sha256(row.group.encode()).digest()[1] % FOLDS


if __name__ == "__main__":
    main()
