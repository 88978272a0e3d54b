"""Calibration of a trained network on radiographs that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ml.errors import UnreadableImage
from ml.images.decoding import decode_radiograph
from ml.inference import conformal
from ml.inference.predictor import Predictor
from ml.networks import bundle, out_of_distribution
from ml.networks.out_of_distribution import Reference
from ml.records import LabelledImage, Manifest, OutOfDistributionLimits, ReferenceSource

SENSITIVITY: Final = 0.95  # of each class at its operating point, on the calibration radiographs
HEATMAP_PERCENTILE: Final = 95
MAX_HEATMAPS: Final = 100  # true positives of a class that set its heatmap reference
SEED: Final = 0
TEMPERATURES: Final = (0.05, 20.0)


@dataclass(frozen=True)
class CalibrationPredictions:
    """Predictions for n radiographs; row i of each array is radiograph i."""

    logits: NDArray[np.float64]  # (n, classes)
    targets: NDArray[np.int_]  # (n,)
    features: NDArray[np.float32]  # (n, width)
    heatmap_maxima: dict[str, list[float]]  # class -> raw heatmap maxima of its first true positives


def calibrate(
    directory: Path, radiographs: Sequence[LabelledImage], *, training_images: Sequence[LabelledImage] = ()
) -> Manifest:
    """Calibrate a bundle on decodable radiographs and write the result into its manifest.

    Sets the temperature, the operating points, the heatmap reference, the conformal and abstention thresholds
    and the out-of-distribution limits. The reference of those limits is a sample of `training_images`,
    without the undecodable ones. If there are none, half of the patients of `radiographs` are the reference
    and the other half set the limits. Raises BundleError, UnreadableImage or OSError.
    """
    model, manifest = bundle.load_network(directory)
    predictor = Predictor(directory)
    classes = manifest.architecture.classes
    predictions = _predict(predictor, radiographs, classes)
    temperature = fit_temperature(predictions.logits, predictions.targets)
    probabilities = softmax(predictions.logits / temperature, axis=1)
    reference, limits = _fit_reference(predictor, radiographs, predictions, training_images, classes)
    manifest = replace(
        manifest,
        temperature=temperature,
        operating_points={
            label: operating_point(probabilities[:, index], predictions.targets == index)
            for index, label in enumerate(classes)
        },
        heatmap_reference={label: heatmap_reference(predictions.heatmap_maxima[label]) for label in classes},
        conformal=conformal.thresholds(probabilities, predictions.targets, classes),
        abstention=conformal.abstention(
            probabilities.max(axis=1), probabilities.argmax(axis=1) == predictions.targets
        ),
        out_of_distribution=limits,
        reference_sha256="",
    )
    return bundle.write(directory, model, manifest, reference=reference)


def negative_log_likelihood(
    logits: NDArray[np.float64], targets: NDArray[np.int_], *, temperature: float
) -> float:
    """Return the mean loss in nats of logits (n, classes) divided by the temperature."""
    log_likelihoods = log_softmax(logits / temperature, axis=1)[np.arange(len(targets)), targets]
    return float(-log_likelihoods.mean())


def fit_temperature(logits: NDArray[np.float64], targets: NDArray[np.int_]) -> float:
    """Return the temperature, 0.05 to 20, with the highest likelihood of the targets (Guo et al. 2017)."""

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(logits, targets, temperature=float(np.exp(log_temperature)))

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def operating_point(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the highest threshold that 95 % of the positive radiographs reach, 0.5 without any."""
    if not truth.any():
        return 0.5
    ordered = np.sort(scores[truth])
    false_negatives = int(np.floor((1 - SENSITIVITY) * len(ordered) + 1e-9))
    return float(ordered[false_negatives])


def heatmap_reference(raw_maxima: Sequence[float]) -> float:
    """Return the 95th percentile of the positive raw heatmap maxima, 1 if there are none."""
    positive = [value for value in raw_maxima if value > 0]
    return float(np.percentile(positive, HEATMAP_PERCENTILE)) if positive else 1.0


def _predict(
    predictor: Predictor,
    radiographs: Sequence[LabelledImage],
    classes: tuple[str, ...],
    *,
    skip_unreadable: bool = False,
) -> CalibrationPredictions:
    logits: list[list[float]] = []
    targets: list[int] = []
    features: list[NDArray[np.float32]] = []
    maxima: dict[str, list[float]] = {label: [] for label in classes}
    for radiograph in radiographs:
        try:
            explanation = predictor.explain(decode_radiograph(radiograph.path.read_bytes()).grey)
        except (UnreadableImage, OSError):
            if skip_unreadable:
                continue
            raise
        label = radiograph.label
        targets.append(classes.index(label))
        logits.append([explanation.logits[name] for name in classes])
        features.append(explanation.features)
        if explanation.finding == label and len(maxima[label]) < MAX_HEATMAPS:
            maxima[label].append(explanation.maps[label].raw_max)
    return CalibrationPredictions(
        np.array(logits, dtype=np.float64), np.array(targets), np.array(features), maxima
    )


def _fit_reference(
    predictor: Predictor,
    radiographs: Sequence[LabelledImage],
    predictions: CalibrationPredictions,
    training_images: Sequence[LabelledImage],
    classes: tuple[str, ...],
) -> tuple[Reference | None, OutOfDistributionLimits | None]:
    """Return the reference and its limits, or None for both if there are too few radiographs."""
    source: ReferenceSource = "training set"
    if training_images:
        sample = _predict(predictor, _sample(training_images, classes), classes, skip_unreadable=True)
        features, labels, for_limits = sample.features, sample.targets, np.ones(len(radiographs), bool)
    else:
        source = "validation set"
        for_limits = _half_of_patients(radiographs)
        features, labels = predictions.features[~for_limits], predictions.targets[~for_limits]
    if min(len(features), int(for_limits.sum())) < out_of_distribution.MIN_RADIOGRAPHS:
        return None, None
    reference = out_of_distribution.fit(features, labels)
    return reference, out_of_distribution.limits(
        reference, predictions.features[for_limits], predictions.logits[for_limits], source=source
    )


def _sample(radiographs: Sequence[LabelledImage], classes: tuple[str, ...]) -> list[LabelledImage]:
    """Sample equally many radiographs of each class, so that a rare class is not out of distribution."""
    random = np.random.default_rng(SEED)
    size = out_of_distribution.MAX_RADIOGRAPHS // len(classes)
    sample: list[LabelledImage] = []
    for label in classes:
        of_class = [radiograph for radiograph in radiographs if radiograph.label == label]
        sample += [of_class[index] for index in random.permutation(len(of_class))[:size]]
    return sample


def _half_of_patients(radiographs: Sequence[LabelledImage]) -> NDArray[np.bool_]:
    """Select every second patient, so that the radiographs of a patient are on one side."""
    patients = sorted({radiograph.patient for radiograph in radiographs})
    selected = set(patients[1::2])
    return np.array([radiograph.patient in selected for radiograph in radiographs])
