"""Set what the answers of a trained network mean, on films it did not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ml import bundle, conformal, novelty
from ml.imaging import read_film
from ml.novelty import Reference
from ml.predictor import Predictor
from ml.records import LabelledFilm, Manifest, NoveltyLimits, ReferenceSource, UnreadableImage

SENSITIVITY: Final = 0.95  # that the operating point of each class must reach on the calibration films
HEAT_PERCENTILE: Final = 95
MOST_HEAT_FILMS: Final = 100  # true hits of one class that are enough for its heat scale
SEED: Final = 0
TEMPERATURES: Final = (0.05, 20.0)


@dataclass(frozen=True)
class Answers:
    """What a predictor says of n films; row i of each array is film i."""

    logits: NDArray[np.float64]  # (n, classes)
    targets: NDArray[np.int_]  # (n,)
    features: NDArray[np.float32]  # (n, width)
    heats: dict[str, list[float]]  # class -> raw map maxima of its first true hits


def calibrate(
    directory: Path, films: Sequence[LabelledFilm], *, learning: Sequence[LabelledFilm] = ()
) -> Manifest:
    """Measure a bundle on readable films and write what was found into its manifest.

    That is the temperature, operating points, heat scale, conformal and abstention thresholds and the limits
    of novelty. A sample of the `learning` films becomes the reference that novelty is measured against (what
    cannot be read is passed over). Without any, half of the patients of `films` are the reference and the
    other half sets the limits.
    """
    model, manifest = bundle.load_network(directory)
    predictor = Predictor(directory)
    classes = manifest.architecture.classes
    said = _ask(predictor, films, classes)
    temperature = fit_temperature(said.logits, said.targets)
    probabilities = softmax(said.logits / temperature, axis=1)
    reference, limits = _novelty(predictor, films, said, learning, classes)
    manifest = replace(
        manifest,
        temperature=temperature,
        operating_points={
            label: operating_point(probabilities[:, place], said.targets == place)
            for place, label in enumerate(classes)
        },
        heat_reference={label: heat_reference(said.heats[label]) for label in classes},
        conformal=conformal.thresholds(probabilities, said.targets, classes),
        abstention=conformal.abstention(
            probabilities.max(axis=1), probabilities.argmax(axis=1) == said.targets
        ),
        novelty=limits,
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


def _ask(
    predictor: Predictor,
    films: Sequence[LabelledFilm],
    classes: tuple[str, ...],
    *,
    pass_over: bool = False,
) -> Answers:
    rows: list[list[float]] = []
    targets: list[int] = []
    features: list[NDArray[np.float32]] = []
    heats: dict[str, list[float]] = {label: [] for label in classes}
    for film in films:
        try:
            explanation = predictor.explain(read_film(film.path.read_bytes()).grey)
        except (UnreadableImage, OSError):
            if pass_over:
                continue
            raise
        targets.append(classes.index(film.label))
        rows.append([explanation.logits[label] for label in classes])
        features.append(explanation.features)
        if explanation.finding == film.label and len(heats[film.label]) < MOST_HEAT_FILMS:
            heats[film.label].append(explanation.maps[film.label].raw_max)
    return Answers(np.array(rows, dtype=np.float64), np.array(targets), np.array(features), heats)


def _novelty(
    predictor: Predictor,
    films: Sequence[LabelledFilm],
    said: Answers,
    learning: Sequence[LabelledFilm],
    classes: tuple[str, ...],
) -> tuple[Reference | None, NoveltyLimits | None]:
    """Make the reference and its limits; neither from too few films, where limits would be chance."""
    source: ReferenceSource = "learning films"
    if learning:
        learnt = _ask(predictor, _sample(learning, classes), classes, pass_over=True)
        features, labels, judged = learnt.features, learnt.targets, np.ones(len(films), bool)
    else:
        source = "calibration films"
        judged = _half_of_patients(films)
        features, labels = said.features[~judged], said.targets[~judged]
    if min(len(features), int(judged.sum())) < novelty.FEWEST_FILMS:
        return None, None
    reference = novelty.fit(features, labels)
    return reference, novelty.limits(reference, said.features[judged], said.logits[judged], source=source)


def _sample(films: Sequence[LabelledFilm], classes: tuple[str, ...]) -> list[LabelledFilm]:
    """Draw equally many films of each class, as far as they go: a rare class is no novelty."""
    random = np.random.default_rng(SEED)
    share = novelty.MOST_FILMS // len(classes)
    drawn: list[LabelledFilm] = []
    for label in classes:
        own = [film for film in films if film.label == label]
        drawn += [own[place] for place in random.permutation(len(own))[:share]]
    return drawn


def _half_of_patients(films: Sequence[LabelledFilm]) -> NDArray[np.bool_]:
    """Choose every second patient: films of one patient are too alike to stand on both sides."""
    patients = {patient: place for place, patient in enumerate(sorted({film.patient for film in films}))}
    return np.array([patients[film.patient] % 2 == 1 for film in films])
