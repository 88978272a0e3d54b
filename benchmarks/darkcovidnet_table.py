"""The table of the darkcovidnet benchmark, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from scipy.special import softmax

from ml.metrics import statistics

PUBLISHED: Final = {"3 classes": "87.02 %", "binary": "98.08 %"}  # Ozturk et al. 2020, mean of five folds
TARGET: Final = "covid-19"
SEED: Final = 20260101
HEAD: Final = (
    "| task | folds | recipe | network: mean +- SD of folds | pooled [95 %, patients] | AUROC COVID-19 "
    "| thumbnail SVM | published |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
)


def table(found: Mapping[tuple[str, str], Sequence[Any]], tasks: Mapping[str, Sequence[str]]) -> str:
    """Return one line for each task and protocol; folds that are missing are counted."""
    return "\n".join([HEAD, *(_line(*key, results, tasks[key[0]]) for key, results in sorted(found.items()))])


def _line(task: str, protocol: str, results: Sequence[Any], classes: Sequence[str]) -> str:
    accuracies = [np.mean(_right(result, classes)) for result in results]
    right = np.concatenate([_right(result, classes) for result in results]).astype(np.float64)
    patients = np.array([patient for result in results for patient in result.patients])
    weights = statistics.patient_weights(np.unique(patients, return_inverse=True)[1], seed=SEED)
    low, high = statistics.percentile_interval(weights @ right / weights.sum(axis=1))
    truth = np.array([name == TARGET for result in results for name in result.truth])
    scores = np.concatenate([softmax(result.network, axis=1)[:, classes.index(TARGET)] for result in results])
    areas = statistics.weighted_auroc(scores, truth, weights)
    area, (least, most) = statistics.auroc(scores, truth), statistics.percentile_interval(areas)
    probe = [np.mean(np.array(result.thumbnail) == np.array(result.truth)) for result in results]
    cells = (
        task,
        protocol + _missing(results),
        results[0].recipe,
        f"{_percent(np.mean(accuracies))} +- {_points(accuracies)}",
        f"{_percent(right.mean())} [{100 * low:.1f}, {100 * high:.1f}]",
        f"{area:.3f} [{least:.3f}, {most:.3f}]",
        _percent(np.mean(probe)),
        PUBLISHED[task] if protocol == "random" else "not measured",
    )
    return f"| {' | '.join(cells)} |"


def _percent(share: Any) -> str:
    return f"{100 * share:.2f} %"


def _points(accuracies: Sequence[Any]) -> str:
    return f"{100 * np.std(accuracies, ddof=1):.2f}" if len(accuracies) > 1 else "?"


def _right(result: Any, classes: Sequence[str]) -> np.ndarray:
    named = np.array(classes)[np.argmax(result.network, axis=1)]
    right: np.ndarray = named == np.array(result.truth)
    return right


def _missing(results: Sequence[Any]) -> str:
    return "" if len(results) == 5 else f" ({len(results)} of 5 folds)"
