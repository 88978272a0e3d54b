"""Set what the answers of a trained network mean, on radiographs it did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ml.images.reading import read_radiograph
from ml.inference import conformal
from ml.inference.predictor import Predictor
from ml.networks import bundle, out_of_distribution
from ml.networks.out_of_distribution import Reference
from ml.records import (
    LabelledImage,
    Manifest,
    OutOfDistributionLimits,
    ReferenceSource,
    UnreadableImage,
)

SENSITIVITY: Final = 0.95  # that the operating point of each class must reach on the calibration radiographs
HEAT_PERCENTILE: Final = 95
MOST_HEAT_RADIOGRAPHS: Final = 100  # true hits of one class that are enough for its heat scale
SEED: Final = 0
TEMPERATURES: Final = (0.05, 20.0)


@dataclass(frozen=True)
class CalibrationPredictions:
    """What a predictor says of n radiographs; row i of each array is radiograph i."""

    logits: NDArray[np.float64]  # (n, classes)
    targets: NDArray[np.int_]  # (n,)
    features: NDArray[np.float32]  # (n, width)
    heats: dict[str, list[float]]  # class -> raw map maxima of its first true hits


def calibrate(
    directory: Path, radiographs: Sequence[LabelledImage], *, learning: Sequence[LabelledImage] = ()
) -> Manifest:
    """Measure a bundle on readable radiographs and write what was found into its manifest.

    That is the temperature, operating points, heat scale, conformal and abstention thresholds and the limits
    of out_of_distribution. A sample of the `learning` radiographs becomes the reference that out_of_distribution is measured against (what
    cannot be read is passed over). Without any, half of the patients of `radiographs` are the reference and the
    other half sets the limits.
    """
    model, manifest = bundle.load_network(directory)
    predictor = Predictor(directory)
    classes = manifest.architecture.classes
    said = _ask(predictor, radiographs, classes)
    temperature = fit_temperature(said.logits, said.targets)
    probabilities = softmax(said.logits / temperature, axis=1)
    reference, limits = _novelty(predictor, radiographs, said, learning, classes)
    manifest = replace(
        manifest,
        temperature=temperature,
        operating_points={
            label: operating_point(probabilities[:, place], said.targets == place)
            for place, label in enumerate(classes)
        },
        heatmap_reference={label: heatmap_reference(said.heats[label]) for label in classes},
        conformal=conformal.thresholds(probabilities, said.targets, classes),
        abstention=conformal.abstention(
            probabilities.max(axis=1), probabilities.argmax(axis=1) == said.targets
        ),
        out_of_distribution=limits,
        reference_sha256="",
    )
    return bundle.write(directory, model, manifest, reference=reference)


def negative_log_likelihood(
    logits: NDArray[np.float64], targets: NDArray[np.int_], *, temperature: float
) -> float:
    """Return the mean loss in nats of (n, classes) logits divided by the temperature."""
    chosen = log_softmax(logits / temperature, axis=1)[np.arange(len(targets)), targets]
    return float(-chosen.mean())


def fit_temperature(logits: NDArray[np.float64], targets: NDArray[np.int_]) -> float:
    """Return the one number that logits are divided by for the best likelihood (Guo et al. 2017)."""

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(logits, targets, temperature=float(np.exp(log_temperature)))

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def operating_point(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the highest threshold that at least 95 % of the radiographs with the finding reach."""
    if not truth.any():
        return 0.5
    ordered = np.sort(scores[truth])
    may_miss = int(np.floor((1 - SENSITIVITY) * len(ordered) + 1e-9))
    return float(ordered[may_miss])


def heatmap_reference(raw_maxima: Sequence[float]) -> float:
    """Return the raw map maximum that counts as full heat: the 95th percentile over true hits."""
    above = [value for value in raw_maxima if value > 0]
    return float(np.percentile(above, HEAT_PERCENTILE)) if above else 1.0


def _ask(
    predictor: Predictor,
    radiographs: Sequence[LabelledImage],
    classes: tuple[str, ...],
    *,
    pass_over: bool = False,
) -> CalibrationPredictions:
    rows: list[list[float]] = []
    targets: list[int] = []
    features: list[NDArray[np.float32]] = []
    heats: dict[str, list[float]] = {label: [] for label in classes}
    for radiograph in radiographs:
        try:
            explanation = predictor.explain(read_radiograph(radiograph.path.read_bytes()).grey)
        except (UnreadableImage, OSError):
            if pass_over:
                continue
            raise
        targets.append(classes.index(radiograph.label))
        rows.append([explanation.logits[label] for label in classes])
        features.append(explanation.features)
        if explanation.finding == radiograph.label and len(heats[radiograph.label]) < MOST_HEAT_RADIOGRAPHS:
            heats[radiograph.label].append(explanation.maps[radiograph.label].raw_max)
    return CalibrationPredictions(
        np.array(rows, dtype=np.float64), np.array(targets), np.array(features), heats
    )


def _novelty(
    predictor: Predictor,
    radiographs: Sequence[LabelledImage],
    said: CalibrationPredictions,
    learning: Sequence[LabelledImage],
    classes: tuple[str, ...],
) -> tuple[Reference | None, OutOfDistributionLimits | None]:
    """Make the reference and its limits; neither from too few radiographs, where limits would be chance."""
    source: ReferenceSource = "training set"
    if learning:
        learnt = _ask(predictor, _sample(learning, classes), classes, pass_over=True)
        features, labels, judged = learnt.features, learnt.targets, np.ones(len(radiographs), bool)
    else:
        source = "validation set"
        judged = _half_of_patients(radiographs)
        features, labels = said.features[~judged], said.targets[~judged]
    if min(len(features), int(judged.sum())) < out_of_distribution.FEWEST_RADIOGRAPHS:
        return None, None
    reference = out_of_distribution.fit(features, labels)
    return reference, out_of_distribution.limits(
        reference, said.features[judged], said.logits[judged], source=source
    )


def _sample(radiographs: Sequence[LabelledImage], classes: tuple[str, ...]) -> list[LabelledImage]:
    """Draw equally many radiographs of each class, as far as they go: a rare class is no out_of_distribution."""
    random = np.random.default_rng(SEED)
    share = out_of_distribution.MOST_RADIOGRAPHS // len(classes)
    drawn: list[LabelledImage] = []
    for label in classes:
        own = [radiograph for radiograph in radiographs if radiograph.label == label]
        drawn += [own[place] for place in random.permutation(len(own))[:share]]
    return drawn


def _half_of_patients(radiographs: Sequence[LabelledImage]) -> NDArray[np.bool_]:
    """Choose every second patient: radiographs of one patient are too alike to stand on both sides."""
    patients = {
        patient: place
        for place, patient in enumerate(sorted({radiograph.patient for radiograph in radiographs}))
    }
    return np.array([patients[radiograph.patient] % 2 == 1 for radiograph in radiographs])
