"""Set a trained network's temperature, operating points and heat scale on films it did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ml import bundle
from ml.imaging import read_film
from ml.predictor import Predictor
from ml.records import LabelledFilm, Manifest

SENSITIVITY: Final = 0.95  # that the operating point of each class must reach on the calibration films
HEAT_PERCENTILE: Final = 95
MOST_HEAT_FILMS: Final = 100  # true hits of one class that are enough for its heat scale
TEMPERATURES: Final = (0.05, 20.0)


def calibrate(directory: Path, films: Sequence[LabelledFilm]) -> Manifest:
    """Measure a bundle on readable films and write what was found into its manifest."""
    model, manifest = bundle.load_network(directory)
    predictor = Predictor(directory)
    classes = manifest.architecture.classes
    logits, targets, heats = _measure(predictor, films, classes)
    temperature = fit_temperature(logits, targets)
    probabilities = softmax(logits / temperature, axis=1)
    points = {
        label: operating_point(probabilities[:, place], targets == place)
        for place, label in enumerate(classes)
    }
    references = {label: heat_reference(heats[label]) for label in classes}
    return bundle.write(
        directory,
        model,
        replace(manifest, temperature=temperature, operating_points=points, heat_reference=references),
    )


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
    """Return the highest threshold that at least 95 % of the films with the finding reach."""
    if not truth.any():
        return 0.5
    ordered = np.sort(scores[truth])
    may_miss = int(np.floor((1 - SENSITIVITY) * len(ordered) + 1e-9))
    return float(ordered[may_miss])


def heat_reference(raw_maxima: Sequence[float]) -> float:
    """Return the raw map maximum that counts as full heat: the 95th percentile over true hits."""
    above = [value for value in raw_maxima if value > 0]
    return float(np.percentile(above, HEAT_PERCENTILE)) if above else 1.0


def _measure(
    predictor: Predictor, films: Sequence[LabelledFilm], classes: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.int_], dict[str, list[float]]]:
    rows: list[list[float]] = []
    heats: dict[str, list[float]] = {label: [] for label in classes}
    for film in films:
        explanation = predictor.explain(read_film(film.path.read_bytes()).grey)
        rows.append([explanation.logits[label] for label in classes])
        if explanation.finding == film.label and len(heats[film.label]) < MOST_HEAT_FILMS:
            heats[film.label].append(explanation.maps[film.label].raw_max)
    targets = np.array([classes.index(film.label) for film in films])
    return np.array(rows, dtype=np.float64), targets, heats
