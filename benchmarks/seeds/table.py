"""The table of the reproduced systems, in Markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from benchmarks.cross_validation import BY_PATIENT, FOLDS, LEFT_OUT, RANDOM, SEED, FoldResult
from benchmarks.seeds.systems import SYSTEMS, System
from ml.metrics import statistics

PROTOCOLS: Final = (RANDOM, BY_PATIENT, LEFT_OUT)
HEAD: Final = (
    "| system | network | published | random [95 %] | by patient [95 %] | source left out [95 %] "
    "| thumbnail SVM: random / by patient / source |\n| --- | --- | --- | --- | --- | --- | --- |"
)
NOT_RUN: Final = "not run"


def table(results: Iterable[FoldResult]) -> str:
    """Return one row for each system and network: accuracy by protocol, the probe's beside it."""
    found: dict[tuple[str, str, str], list[FoldResult]] = defaultdict(list)
    for result in results:
        found[result.task, result.recipe.split(",")[0], result.protocol].append(result)
    rows = [
        _row(system, network, [found[system.key, network, protocol] for protocol in PROTOCOLS])
        for system in SYSTEMS
        for network in system.networks
    ]
    return "\n".join([HEAD, *rows])


def differences() -> str:
    """Return for each system how its protocol differs from the published one."""
    rows = [f"| {system.title} | {system.differs} |" for system in SYSTEMS]
    return "\n".join(["| system | how the protocol differs |", "| --- | --- |", *rows])


def correct(folds: Sequence[FoldResult]) -> np.ndarray:
    """Return for each test radiograph of some folds whether the network's finding is the label, (n,)."""
    return np.concatenate([np.array(fold.predicted()) == np.array(fold.truth) for fold in folds])


def _row(system: System, network: str, by_protocol: Sequence[Sequence[FoldResult]]) -> str:
    probes = (f"{_probe(folds):.1%}" if folds else NOT_RUN for folds in by_protocol)
    cells = (system.title, network, system.published, *map(_accuracy, by_protocol), " / ".join(probes))
    return f"| {' | '.join(cells)} |"


def _accuracy(folds: Sequence[FoldResult]) -> str:
    """Return the accuracy over the folds with its interval by resampling patients."""
    if not folds:
        return NOT_RUN
    right = correct(folds).astype(np.float64)
    patients = np.array([patient for fold in folds for patient in fold.patients])
    weights = statistics.patient_weights(np.unique(patients, return_inverse=True)[1], seed=SEED)
    low, high = statistics.percentile_interval(weights @ right / weights.sum(axis=1))
    partial = (
        "" if folds[0].protocol == LEFT_OUT or len(folds) == FOLDS else f", {len(folds)} of {FOLDS} folds"
    )
    return f"{right.mean():.1%} [{low:.1%}, {high:.1%}], n = {len(right)}{partial}"


def _probe(folds: Sequence[FoldResult]) -> float:
    hits = [np.array(fold.thumbnail) == np.array(fold.truth) for fold in folds]
    return float(np.concatenate(hits).mean())
