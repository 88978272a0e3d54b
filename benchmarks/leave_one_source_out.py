"""AUROC on a source that the training never saw, with the sampling of the earlier and of the present default.

python -m benchmarks.leave_one_source_out DATA --run FOLDER --trunk BUNDLE --out FILE

Each row is a training of its own: blocks 4 and 5 of VGG16, from the trunk of the reproduced systems,
which has seen a part of the Radiography Database and nothing else. The default itself is too slow to train
once for each source. Positives and Cohen's negatives are of Cohen's patients outside the final held-out
half, which is looked at for the model card only. `--run` is the folder of the long training; `--out` is
resumed.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from benchmarks.cross_validation import SEED
from benchmarks.default_by_source import hannover_files
from benchmarks.long_training.radiographs import CHILDREN, COHEN, datasets
from benchmarks.long_training.sampling import sampling_shares
from ml.datasets import batches
from ml.datasets.hashing import hash_fraction
from ml.datasets.patient_split import Split
from ml.metrics import statistics
from ml.metrics.evaluation_result import TARGET
from ml.recipes import get_recipe
from ml.records import LabelledImage

BEFORE, AFTER = "earlier default", "present default"
HANNOVER: Final = "hannover"
LEFT_OUT: Final = (COHEN, HANNOVER, "nih", CHILDREN)
UNSEEN_SHARE: Final = 0.35  # of Cohen's patients, in no training: the positives of every row
PER_CLASS: Final = 400  # radiographs of a training
DRAWS: Final = 6000 * 32  # of the long training, by which its shares are limited


@dataclass(frozen=True)
class LeftOutResult:
    """Test predictions of one training."""

    sampling: str
    source: str
    truth: list[bool]
    patients: list[str]
    scores: list[float]  # log odds of COVID-19
    seconds: float


def main() -> None:
    """Run the trainings that the file lacks and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the public collections")
    parser.add_argument("--run", type=Path, required=True, help="folder of the long training")
    parser.add_argument("--trunk", type=Path, required=True, help="bundle of the pre-trained trunk")
    parser.add_argument("--out", type=Path, required=True, help="results, one line a training; resumed")
    arguments = parser.parse_args()
    collected = datasets(arguments.data, arguments.run).split
    radiographs = (*collected.train, *collected.validation)
    hannover = hannover_files(arguments.data)
    completed = {(result.sampling, result.source) for result in stored(arguments.out)}
    for source in LEFT_OUT:
        for sampling in (BEFORE, AFTER):
            if (sampling, source) not in completed:
                result = left_out(radiographs, hannover, sampling, source, arguments.trunk)
                with arguments.out.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(asdict(result)) + "\n")
                print(f"{source}, {sampling}: {auroc(result):.3f} in {result.seconds:.0f} s", flush=True)
    print(table(stored(arguments.out)))


def left_out(
    radiographs: Sequence[LabelledImage], hannover: frozenset[str], sampling: str, source: str, trunk: Path
) -> LeftOutResult:
    """Train without a source and predict it; raises BundleError, NoUsableNetwork or OSError."""
    from ml.networks import bundle  # TensorFlow is imported only where it is needed
    from ml.training import trainer

    test = _test_set(radiographs, hannover, source)
    patients = {image.patient for image in test}
    usable = [
        image
        for image in radiographs
        if image.patient not in patients and not _is_unseen(image) and not _is_of(image, source, hannover)
    ]
    taught = teaching_set(usable, sampling)
    training = tuple(image for image in taught if hash_fraction(image.patient, "proxy") >= 1 / 7)
    validation = tuple(image for image in taught if hash_fraction(image.patient, "proxy") < 1 / 7)
    spec = replace(get_recipe("vgg16-finetune"), seed=SEED)
    with TemporaryDirectory() as folder:
        out = Path(folder, "bundle")
        manifest = trainer.train(
            Split(training, validation, ()), spec, start_from=trunk, out=out,
            on_epoch=lambda _report: None, should_stop=lambda: False,
        )  # fmt: skip
        model, _ = bundle.load_network(out)
    prep = manifest.preprocessing
    logits = np.asarray(
        model.predict(batches.load(test, prep, side=prep.size).inputs(prep), batch_size=16, verbose=0), float
    )
    target = manifest.architecture.classes.index(TARGET)
    others = np.delete(logits, target, axis=1)
    return LeftOutResult(
        sampling=sampling,
        source=source,
        truth=[image.label == TARGET for image in test],
        patients=[image.patient for image in test],
        scores=(logits[:, target] - np.logaddexp.reduce(others, axis=1)).tolist(),
        seconds=float(manifest.training["seconds"]),
    )


def teaching_set(radiographs: Sequence[LabelledImage], sampling: str) -> list[LabelledImage]:
    """Return at most 400 radiographs of each class, shared among the sources as the sampling does."""
    if sampling == BEFORE:
        radiographs = [image for image in radiographs if image.source != CHILDREN]
    cells = Counter((image.label, image.source) for image in radiographs)
    of_class = Counter(image.label for image in radiographs)
    shares = (
        {cell: count / of_class[cell[0]] for cell, count in cells.items()}
        if sampling == BEFORE
        else sampling_shares(cells, DRAWS)
    )
    kept: list[LabelledImage] = []
    for cell, share in sorted(shares.items()):
        own = [image for image in radiographs if (image.label, image.source) == cell]
        own.sort(key=lambda image: hash_fraction(image.path.name, "proxy sample"))
        kept += own[: round(share * PER_CLASS)]
    return kept


def auroc(result: LeftOutResult) -> float:
    """Return the area under the ROC curve of a training's test predictions."""
    return statistics.auroc(np.array(result.scores), np.array(result.truth))


def stored(file: Path) -> list[LeftOutResult]:
    """Return the trainings that earlier calls completed."""
    if not file.exists():
        return []
    return [LeftOutResult(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def table(results: Sequence[LeftOutResult]) -> str:
    """Return the AUROC of each source and sampling with its interval by patients, mean and worst below."""
    found = {(result.sampling, result.source): result for result in results}
    lines = [
        f"| source left out | with, without COVID-19 | {BEFORE} | {AFTER} |",
        "| --- | --- | --- | --- |",
    ]
    for source in LEFT_OUT:
        pair = [found.get((sampling, source)) for sampling in (BEFORE, AFTER)]
        counted = next((result.truth for result in pair if result), [])
        counts = f"{sum(counted)}, {len(counted) - sum(counted)}"
        lines.append(f"| {source} | {counts} | {' | '.join(map(_cell, pair))} |")
    for name, of in (("mean", np.mean), ("worst", np.min)):
        areas = [
            [auroc(result) for result in results if result.sampling == sampling]
            for sampling in (BEFORE, AFTER)
        ]
        cells = (f"{of(values):.3f}" if len(values) == len(LEFT_OUT) else "incomplete" for values in areas)
        lines.append(f"| {name} | | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(result: LeftOutResult | None) -> str:
    if result is None:
        return "not run"
    patients = np.unique(result.patients, return_inverse=True)[1]
    weights = statistics.patient_weights(patients, seed=SEED)
    areas = statistics.weighted_auroc(np.array(result.scores), np.array(result.truth), weights)
    low, high = statistics.percentile_interval(areas)
    return f"{auroc(result):.3f} [{low:.3f}, {high:.3f}]"


def _test_set(
    radiographs: Sequence[LabelledImage], hannover: frozenset[str], source: str
) -> list[LabelledImage]:
    """Return the source's radiographs; where it lacks a class, Cohen's unseen patients add that class."""
    own = [image for image in radiographs if _is_of(image, source, hannover)]
    with_target = [image for image in own if image.label == TARGET]
    without = [image for image in own if image.label != TARGET]
    unseen = [image for image in radiographs if image.source == COHEN and _is_unseen(image)]
    if not with_target:
        with_target = [image for image in unseen if image.label == TARGET]
    if source == HANNOVER:
        others = {image.path for image in without}
        without += [image for image in unseen if image.label != TARGET and image.path not in others]
    return [*with_target, *without]


def _is_of(image: LabelledImage, source: str, hannover: frozenset[str]) -> bool:
    if source == HANNOVER:
        return image.source == COHEN and image.path.name in hannover
    return image.source == source


def _is_unseen(image: LabelledImage) -> bool:
    return image.source == COHEN and hash_fraction(image.patient, "unseen by the proxies") < UNSEEN_SHARE


if __name__ == "__main__":
    main()
