"""Results table of the DarkCovidNet benchmark, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from scipy.special import softmax

from ml.metrics import statistics

PUBLISHED: Final = {"3 classes": "87.02 %", "binary": "98.08 %"}  # Ozturk et al. 2020, mean of five folds
TARGET: Final = "covid-19"
SEED: Final = 20260101
TABLE_HEAD: Final = (
    "| task | folds | recipe | network: mean +- SD of folds | pooled [95 %, patients] | AUROC COVID-19 "
    "| thumbnail SVM | published |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
)


def table(results: Mapping[tuple[str, str, str], Sequence[Any]], tasks: Mapping[str, Sequence[str]]) -> str:
    """Return one row for each task, protocol and recipe, with the number of completed folds."""
    rows = (_row(*key, folds, tasks[key[0]]) for key, folds in sorted(results.items()))
    return "\n".join([TABLE_HEAD, *rows])


def _row(task: str, protocol: str, recipe: str, folds: Sequence[Any], classes: Sequence[str]) -> str:
    accuracies = [np.mean(_correct(fold, classes)) for fold in folds]
    probe = [np.mean(np.array(fold.thumbnail) == np.array(fold.truth)) for fold in folds]
    pooled, (low, high), auroc, (auroc_low, auroc_high) = _pooled(folds, classes)
    cells = (
        task,
        protocol + _completed(folds),
        recipe,
        f"{_percent(np.mean(accuracies))} +- {_deviation(accuracies)}",
        f"{_percent(pooled)} [{100 * low:.1f}, {100 * high:.1f}]",
        f"{auroc:.3f} [{auroc_low:.3f}, {auroc_high:.3f}]",
        _percent(np.mean(probe)),
        PUBLISHED[task] if protocol == "random" else "not measured",
    )
    return f"| {' | '.join(cells)} |"


def _pooled(
    folds: Sequence[Any], classes: Sequence[str]
) -> tuple[float, statistics.Interval, float, statistics.Interval]:
    """Return accuracy and AUROC over all folds, each with its interval by resampling patients."""
    correct = np.concatenate([_correct(fold, classes) for fold in folds]).astype(np.float64)
    patients = np.array([patient for fold in folds for patient in fold.patients])
    weights = statistics.patient_weights(np.unique(patients, return_inverse=True)[1], seed=SEED)
    accuracy_interval = statistics.percentile_interval(weights @ correct / weights.sum(axis=1))
    truth = np.array([label == TARGET for fold in folds for label in fold.truth])
    scores = np.concatenate([softmax(fold.network, axis=1)[:, classes.index(TARGET)] for fold in folds])
    auroc_interval = statistics.percentile_interval(statistics.weighted_auroc(scores, truth, weights))
    return float(correct.mean()), accuracy_interval, statistics.auroc(scores, truth), auroc_interval


def _percent(share: Any) -> str:
    return f"{100 * share:.2f} %"


def _deviation(accuracies: Sequence[Any]) -> str:
    return f"{100 * np.std(accuracies, ddof=1):.2f}" if len(accuracies) > 1 else "?"


def _correct(fold: Any, classes: Sequence[str]) -> np.ndarray:
    predicted = np.array(classes)[np.argmax(fold.network, axis=1)]
    correct: np.ndarray = predicted == np.array(fold.truth)
    return correct


def _completed(folds: Sequence[Any]) -> str:
    return "" if len(folds) == 5 else f" ({len(folds)} of 5 folds)"
