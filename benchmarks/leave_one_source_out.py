"""AUROC on a source that a training never saw, with and without children among the negatives.

python -m benchmarks.leave_one_source_out DATA --run FOLDER --out FOLDER

Each row is a training of its own from random weights, 600 steps at 96 pixels: the recipe of the default is
too slow to be repeated for each source. Positives and Cohen's negatives are of Cohen's patients outside the
final held-out half, which is looked at for the model card only. `--run` is the folder of the training of
the default, whose cache is used; a stopped call is resumed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.default_by_source import hannover_files
from benchmarks.default_network import radiographs as cached
from benchmarks.default_network.radiographs import CHILDREN, COHEN, CachedRadiograph, CachedRadiographs
from benchmarks.default_network.recipe import CLASSES, RECIPES
from ml.datasets.hashing import hash_fraction
from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED, TARGET

BEFORE, AFTER = "without children (first default)", "with children (default)"
HANNOVER, NIH, RADIOGRAPHY = "hannover", "nih", "radiography"
LEFT_OUT: Final = (COHEN, HANNOVER, NIH, RADIOGRAPHY, CHILDREN)
UNSEEN_SHARE: Final = 0.35  # of Cohen's patients, in no training: the positives of sources without COVID-19
MAX_PER_LABEL: Final = 500  # test radiographs
RESULTS: Final = "results.jsonl"

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LeftOutResult:
    """Test predictions of one training."""

    variant: str
    source: str
    truth: list[bool]
    patients: list[str]
    scores: list[float]  # log odds of COVID-19


def main() -> None:
    """Run the trainings that are missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the public collections")
    parser.add_argument("--run", type=Path, required=True, help="folder of the training of the default")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results; resumed")
    arguments = parser.parse_args()
    radiographs = cached.load(arguments.data, arguments.run / "cache")
    hannover = hannover_files(arguments.data)
    results = arguments.out / RESULTS
    completed = {(result.variant, result.source) for result in stored(results)}
    for source in LEFT_OUT:
        for variant in (BEFORE, AFTER):
            if (variant, source) not in completed:
                taught = BEFORE if source == CHILDREN else variant  # without children both are the same
                folder = arguments.out / f"{source}-{taught.split()[0]}"
                result = replace(left_out(radiographs, hannover, taught, source, folder), variant=variant)
                with results.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(asdict(result)) + "\n")
                print(f"{source}, {variant}: {auroc(result):.3f}", flush=True)
    print(table(stored(results)))


def left_out(
    radiographs: CachedRadiographs, hannover: frozenset[str], variant: str, source: str, folder: Path
) -> LeftOutResult:
    """Train without a source, from the newest checkpoint on, and predict the source."""
    from benchmarks.default_network.run import LongTraining  # TensorFlow is imported only where it is needed

    folder.mkdir(parents=True, exist_ok=True)
    test = rows_to_test(radiographs.rows, hannover, source)
    patients = {radiographs.rows[index].patient for index in test}
    barred = [CHILDREN] if variant == BEFORE else []
    rows = tuple(
        replace(row, part="other")
        if row.patient in patients or _is_unseen(row) or _is_of(row, source, hannover) or row.source in barred
        else row
        for row in radiographs.rows
    )
    training = LongTraining(folder, replace(radiographs, rows=rows), RECIPES["proxy"])
    training.resume()
    training.train(lambda: False)
    logits = training.evaluator.logits(test, training.take_averages())
    target = CLASSES.index(TARGET)
    others = np.delete(logits, target, axis=1)
    return LeftOutResult(
        variant=variant,
        source=source,
        truth=[rows[index].label == TARGET for index in test],
        patients=[rows[index].patient for index in test],
        scores=(logits[:, target] - np.logaddexp.reduce(others, axis=1)).tolist(),
    )


def rows_to_test(rows: Sequence[CachedRadiograph], hannover: frozenset[str], source: str) -> list[int]:
    """Return the source's radiographs; where it lacks a class, Cohen's unseen patients add that class."""
    own = [index for index, row in enumerate(rows) if _is_of(row, source, hannover)]
    unseen = [index for index, row in enumerate(rows) if _is_unseen(row)]
    positive = [index for index in own if rows[index].label == TARGET]
    negative = [index for index in own if rows[index].label != TARGET]
    positive = positive or [index for index in unseen if rows[index].label == TARGET]
    if source == HANNOVER:
        negative += [index for index in unseen if rows[index].label != TARGET and index not in set(negative)]
    return [*_limited(rows, positive), *_limited(rows, negative)]


def auroc(result: LeftOutResult) -> float:
    """Return the area under the ROC curve of a training's test predictions."""
    return statistics.auroc(np.array(result.scores), np.array(result.truth))


def stored(file: Path) -> list[LeftOutResult]:
    """Return the trainings that earlier calls completed."""
    if not file.exists():
        return []
    return [LeftOutResult(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def table(results: Sequence[LeftOutResult]) -> str:
    """Return the AUROC of each source and variant with its interval by patients, mean and worst below."""
    found = {(result.variant, result.source): result for result in results}
    lines = [
        f"| source left out | with, without COVID-19 | {BEFORE} | {AFTER} | difference |",
        "| --- | --- | --- | --- | --- |",
    ]
    for source in LEFT_OUT:
        pair = [found.get((variant, source)) for variant in (BEFORE, AFTER)]
        counted = next((result.truth for result in pair if result), [])
        counts = f"{sum(counted)}, {len(counted) - sum(counted)}"
        lines.append(f"| {source} | {counts} | {' | '.join(map(_cell, pair))} | {_difference(*pair)} |")
    for name, of in (("mean", np.mean), ("worst", np.min)):
        areas = [[auroc(each) for each in results if each.variant == variant] for variant in (BEFORE, AFTER)]
        cells = (f"{of(values):.3f}" if len(values) == len(LEFT_OUT) else "incomplete" for values in areas)
        lines.append(f"| {name} | | {' | '.join(cells)} | |")
    return "\n".join(lines)


def _cell(result: LeftOutResult | None) -> str:
    if result is None:
        return "not run"
    low, high = statistics.percentile_interval(_resampled(result))
    return f"{auroc(result):.3f} [{low:.3f}, {high:.3f}]"


def _difference(before: LeftOutResult | None, after: LeftOutResult | None) -> str:
    """Return the difference of two trainings with its interval by the same resamples of patients."""
    if before is None or after is None or before.scores == after.scores:
        return ""
    low, high = statistics.percentile_interval(_resampled(after) - _resampled(before))
    return f"{auroc(after) - auroc(before):+.3f} [{low:+.3f}, {high:+.3f}]"


def _resampled(result: LeftOutResult) -> FloatArray:
    patients = np.unique(result.patients, return_inverse=True)[1]
    weights = statistics.patient_weights(patients, seed=SEED)
    return statistics.weighted_auroc(np.array(result.scores), np.array(result.truth), weights)


def _limited(rows: Sequence[CachedRadiograph], indices: Sequence[int]) -> list[int]:
    return sorted(indices, key=lambda index: hash_fraction(rows[index].name, "left out"))[:MAX_PER_LABEL]


def _is_of(row: CachedRadiograph, source: str, hannover: frozenset[str]) -> bool:
    if source == HANNOVER:
        return row.source == COHEN and row.name in hannover
    return row.source.startswith(source)


def _is_unseen(row: CachedRadiograph) -> bool:
    return row.source == COHEN and hash_fraction(row.patient, "unseen by the proxies") < UNSEEN_SHARE


if __name__ == "__main__":
    main()
