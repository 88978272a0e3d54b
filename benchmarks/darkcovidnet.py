"""Five-fold cross-validation on DarkCovidNet, random as published and by patient.

python -m benchmarks.darkcovidnet DATA --out FILE
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.darkcovidnet_table import table
from ml import importers
from ml.datasets import batches
from ml.datasets.class_order import sort_classes
from ml.datasets.disjoint_sets import DisjointSets
from ml.datasets.patient_split import Split
from ml.images.decoding import decode_radiograph
from ml.images.perceptual_hash import SAME_IMAGE, distances, perceptual_hash
from ml.recipes import TrainingSpec, at_size, get_recipe
from ml.records import LabelledImage, Preprocessing

FOLDS: Final = 5
CALIBRATION_FOLDS: Final = 7  # one of seven: about 15 % of the training set
SEED: Final = 20260101
THUMBNAIL: Final = Preprocessing(size=32, scale="unit")
TASKS: Final = {"3 classes": ("covid-19", "pneumonia", "normal"), "binary": ("covid-19", "normal")}
PROTOCOLS: Final = ("by patient", "random")

Indices = NDArray[np.int_]


@dataclass(frozen=True)
class Experiment:
    """A task, a protocol and the recipe of the network."""

    task: str
    protocol: str
    spec: TrainingSpec
    start_from: Path | None


@dataclass(frozen=True)
class FoldResult:
    """Predictions of the network and of the thumbnail probe for one fold's test set."""

    task: str
    protocol: str
    fold: int
    truth: list[str]
    patients: list[str]
    network: list[list[float]]  # logits, in the order of the task's classes
    thumbnail: list[str]
    recipe: str
    seconds: float


def main() -> None:
    """Parse the arguments, run the missing folds and print the table."""
    arguments = _parser().parse_args()
    if not arguments.table_only:
        radiographs = darkcovidnet_radiographs(arguments.data)
        spec = replace(
            at_size(get_recipe(arguments.preset, epochs=arguments.epochs), arguments.size), seed=SEED
        )
        if arguments.learning_rate:
            spec = replace(spec, learning_rate=arguments.learning_rate)
        for protocol in arguments.protocols:
            for task in arguments.tasks:
                experiment = Experiment(task, protocol, spec, arguments.start_from)
                _run_missing_folds(arguments.out, radiographs, experiment)
    results: dict[tuple[str, str], list[FoldResult]] = defaultdict(list)
    for result in stored_results(arguments.out):
        results[result.task, result.protocol].append(result)
    print(table(results, TASKS))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with DarkCovidNet and Cohen's collection")
    parser.add_argument(
        "--out", type=Path, required=True, help="results, one line per fold; runs are resumed"
    )
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS)
    parser.add_argument("--protocols", nargs="*", default=list(PROTOCOLS), choices=PROTOCOLS)
    parser.add_argument("--preset", default="scratch-cnn")
    parser.add_argument("--size", type=int, default=128, help="side of the input in pixels")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument(
        "--start-from", type=Path, help="bundle to fine-tune; must not be trained on these radiographs"
    )
    parser.add_argument("--table-only", action="store_true", help="print the table of the stored results")
    return parser


def darkcovidnet_radiographs(folder: Path) -> tuple[LabelledImage, ...]:
    """Return DarkCovidNet with its patients; near-duplicates get a common patient."""
    options = importers.ReadOptions(cohen=folder / "covid-chestxray-dataset")
    radiographs = importers.read(folder / "darkcovidnet", options).radiographs
    hashes = np.stack(
        [perceptual_hash(decode_radiograph(image.path.read_bytes()).grey) for image in radiographs]
    )
    patients = DisjointSets()
    for one, other in np.argwhere(np.triu(distances(hashes, hashes) <= SAME_IMAGE, 1)):
        patients.join(radiographs[one].patient, radiographs[other].patient)
    return tuple(replace(image, patient=patients.find(image.patient)) for image in radiographs)


def folds_of(
    radiographs: Sequence[LabelledImage], protocol: str, folds: int
) -> Iterator[tuple[Indices, Indices]]:
    """Yield the indices of training and test set of each fold, stratified by finding."""
    labels = [image.label for image in radiographs]
    if protocol == "random":
        yield from StratifiedKFold(folds, shuffle=True, random_state=SEED).split(labels, labels)
    else:
        patients = [image.patient for image in radiographs]
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=SEED)
        yield from splitter.split(labels, labels, patients)


def network_logits(
    radiographs: Sequence[LabelledImage], test: Sequence[LabelledImage], experiment: Experiment
) -> tuple[list[list[float]], float]:
    """Train on `radiographs`, a seventh of them for validation; return test logits and seconds."""
    from ml.networks import bundle
    from ml.training import trainer  # TensorFlow is imported only where it is needed

    train, validation = next(iter(folds_of(radiographs, experiment.protocol, CALIBRATION_FOLDS)))
    split = Split(tuple(radiographs[k] for k in train), tuple(radiographs[k] for k in validation), ())
    with TemporaryDirectory() as folder:
        out = Path(folder, "bundle")
        manifest = trainer.train(
            split, experiment.spec, start_from=experiment.start_from, out=out,
            on_epoch=lambda _report: None, should_stop=lambda: False,
        )  # fmt: skip
        model, _ = bundle.load_network(out)
    prep, classes = manifest.preprocessing, manifest.architecture.classes
    logits = model.predict(batches.load(test, prep, side=prep.size).inputs(prep), batch_size=16, verbose=0)
    order = [classes.index(label) for label in sort_classes({image.label for image in radiographs})]
    return np.asarray(logits, np.float64)[:, order].tolist(), float(manifest.training["seconds"])


def thumbnail_predictions(radiographs: Sequence[LabelledImage], train: Indices, test: Indices) -> list[str]:
    """Return the findings predicted by a support vector machine on 32 x 32 pixels."""
    store = batches.load(radiographs, THUMBNAIL, side=THUMBNAIL.size)
    pixels = store.pixels.reshape(len(radiographs), -1) / 255
    labels = np.array([image.label for image in radiographs])
    probe = make_pipeline(StandardScaler(), PCA(60, random_state=SEED), SVC(C=3))
    probe.fit(pixels[train], labels[train])
    return [str(label) for label in probe.predict(pixels[test])]


def run_folds(
    radiographs: Sequence[LabelledImage], experiment: Experiment, completed: set[int]
) -> Iterator[FoldResult]:
    """Train and test each fold that is not completed."""
    radiographs = [image for image in radiographs if image.label in TASKS[experiment.task]]
    for fold, (train, test) in enumerate(folds_of(radiographs, experiment.protocol, FOLDS)):
        if fold in completed:
            continue
        test_set = [radiographs[k] for k in test]
        logits, seconds = network_logits([radiographs[k] for k in train], test_set, experiment)
        yield FoldResult(
            task=experiment.task,
            protocol=experiment.protocol,
            fold=fold,
            truth=[image.label for image in test_set],
            patients=[image.patient for image in test_set],
            network=logits,
            thumbnail=thumbnail_predictions(radiographs, train, test),
            recipe=f"{experiment.spec.preset}, {experiment.spec.preprocessing.size} px",
            seconds=seconds,
        )


def stored_results(file: Path) -> list[FoldResult]:
    """Return the folds that earlier runs completed."""
    if not file.exists():
        return []
    return [FoldResult(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def _run_missing_folds(file: Path, radiographs: Sequence[LabelledImage], experiment: Experiment) -> None:
    task, protocol = experiment.task, experiment.protocol
    completed = {
        result.fold for result in stored_results(file) if (result.task, result.protocol) == (task, protocol)
    }
    for result in run_folds(radiographs, experiment, completed):
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(result)) + "\n")
        correct = np.argmax(result.network, axis=1) == [TASKS[task].index(label) for label in result.truth]
        seconds = f"{result.seconds:.0f} s"
        print(f"{task}, {protocol}, fold {result.fold}: {correct.mean():.3f} in {seconds}", flush=True)


if __name__ == "__main__":
    main()
