"""Cross-validation of a recipe beside a thumbnail probe: random, by patient, with a source left out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from ml.datasets import batches
from ml.datasets.class_order import sort_classes
from ml.datasets.disjoint_sets import DisjointSets
from ml.datasets.patient_split import Split
from ml.images.decoding import decode_radiograph
from ml.images.perceptual_hash import SAME_IMAGE, distances, perceptual_hash
from ml.recipes import TrainingSpec
from ml.records import LabelledImage, Preprocessing

FOLDS: Final = 5
CALIBRATION_FOLDS: Final = 7  # one of seven: about 15 % of the training set
SEED: Final = 20260101
THUMBNAIL: Final = Preprocessing(size=32, scale="unit")
COMPONENTS: Final = 60  # of the thumbnail probe
RANDOM, BY_PATIENT, LEFT_OUT = "random", "by patient", "source left out"

Indices = NDArray[np.int_]


@dataclass(frozen=True)
class Experiment:
    """A task, a protocol and the recipe of the network."""

    task: str
    protocol: str
    spec: TrainingSpec
    start_from: Path | None = None  # bundle to fine-tune; not trained on the task's radiographs
    imagenet: Path | None = None  # Keras weights file of an ImageNet recipe
    left_out: tuple[LabelledImage, ...] = ()  # the test set of the protocol LEFT_OUT
    kept: Path | None = None  # where the bundle of the last fold is kept


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
    classes: list[str]
    epochs: list[dict[str, Any]]  # EpochReport values of the training

    def predicted(self) -> list[str]:
        """Return the class with the largest logit of each test radiograph."""
        return [self.classes[int(np.argmax(logits))] for logits in self.network]


def with_joined_patients(radiographs: Sequence[LabelledImage]) -> tuple[LabelledImage, ...]:
    """Return the radiographs; those that are near-duplicates of each other get a common patient."""
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
    if protocol == RANDOM:
        yield from StratifiedKFold(folds, shuffle=True, random_state=SEED).split(labels, labels)
    else:
        patients = [image.patient for image in radiographs]
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=SEED)
        yield from splitter.split(labels, labels, patients)


def run_folds(
    radiographs: Sequence[LabelledImage], experiment: Experiment, completed: set[int], *, first: int = FOLDS
) -> Iterator[FoldResult]:
    """Train and test each of the first folds that is not completed; a source left out has one fold."""
    if experiment.protocol == LEFT_OUT:
        parts = [(tuple(radiographs), experiment.left_out)]
    else:
        folds = folds_of(radiographs, experiment.protocol, FOLDS)
        parts = [
            (tuple(radiographs[k] for k in train), tuple(radiographs[k] for k in test))
            for train, test in folds
        ]
    for fold, (train, test) in enumerate(parts[:first]):
        if fold not in completed:
            yield _fold_result(train, test, experiment, fold)


def _fold_result(
    train: Sequence[LabelledImage], test: Sequence[LabelledImage], experiment: Experiment, fold: int
) -> FoldResult:
    classes = sort_classes({image.label for image in train})
    logits, size, epochs, seconds = network_logits(train, test, experiment, classes)
    return FoldResult(
        task=experiment.task,
        protocol=experiment.protocol,
        fold=fold,
        truth=[image.label for image in test],
        patients=[image.patient for image in test],
        network=logits,
        thumbnail=thumbnail_predictions(train, test),
        recipe=f"{experiment.spec.preset}, {size} px",
        seconds=seconds,
        classes=list(classes),
        epochs=epochs,
    )


def network_logits(
    radiographs: Sequence[LabelledImage],
    test: Sequence[LabelledImage],
    experiment: Experiment,
    classes: Sequence[str],
) -> tuple[list[list[float]], int, list[dict[str, Any]], float]:
    """Train on `radiographs`, a seventh of them for validation; return logits, pixels, epochs and seconds.

    A network that started from a bundle may have more classes; only the logits of `classes` are returned.
    """
    from ml.networks import bundle  # TensorFlow is imported only where it is needed

    with TemporaryDirectory() as folder:
        out = Path(folder, "bundle")
        epochs, seconds = train_bundle(radiographs, experiment, out)
        model, manifest = bundle.load_network(out)
        if experiment.kept:
            shutil.copytree(out, experiment.kept, dirs_exist_ok=True)
    prep = manifest.preprocessing
    logits = model.predict(batches.load(test, prep, side=prep.size).inputs(prep), batch_size=16, verbose=0)
    order = [manifest.architecture.classes.index(label) for label in classes]
    return np.asarray(logits, np.float64)[:, order].tolist(), prep.size, epochs, seconds


def train_bundle(
    radiographs: Sequence[LabelledImage], experiment: Experiment, out: Path
) -> tuple[list[dict[str, Any]], float]:
    """Train on `radiographs`, a seventh of them for validation, into `out`; return epochs and seconds."""
    from ml.training import trainer  # TensorFlow is imported only where it is needed

    epochs: list[dict[str, Any]] = []
    protocol = RANDOM if experiment.protocol == RANDOM else BY_PATIENT
    train, validation = next(iter(folds_of(radiographs, protocol, CALIBRATION_FOLDS)))
    split = Split(tuple(radiographs[k] for k in train), tuple(radiographs[k] for k in validation), ())
    manifest = trainer.train(
        split, experiment.spec, start_from=experiment.start_from, imagenet=experiment.imagenet, out=out,
        on_epoch=lambda report: epochs.append(vars(report)), should_stop=lambda: False,
    )  # fmt: skip
    return epochs, float(manifest.training["seconds"])


def thumbnail_predictions(train: Sequence[LabelledImage], test: Sequence[LabelledImage]) -> list[str]:
    """Return the findings predicted by a support vector machine on 32 x 32 pixels."""
    pixels, unseen = (
        batches.load(part, THUMBNAIL, side=THUMBNAIL.size).pixels.reshape(len(part), -1) / 255
        for part in (train, test)
    )
    components = PCA(min(COMPONENTS, len(train) - 1), random_state=SEED)
    probe = make_pipeline(StandardScaler(), components, SVC(C=3))
    probe.fit(pixels, np.array([image.label for image in train]))
    return [str(label) for label in probe.predict(unseen)]


def stored_results(file: Path) -> list[FoldResult]:
    """Return the folds that earlier runs completed."""
    if not file.exists():
        return []
    return [FoldResult(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def run_missing_folds(
    file: Path, radiographs: Sequence[LabelledImage], experiment: Experiment, *, first: int = FOLDS
) -> None:
    """Run the first folds of an experiment that `file` does not contain, and append each when it is done."""
    task, protocol = experiment.task, experiment.protocol
    key = (task, protocol, experiment.spec.preset)
    completed = {
        result.fold
        for result in stored_results(file)
        if (result.task, result.protocol, result.recipe.split(",")[0]) == key
    }
    for result in run_folds(radiographs, experiment, completed, first=first):
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(result)) + "\n")
        correct = np.array(result.predicted()) == np.array(result.truth)
        shown = f"{task}, {experiment.spec.preset}, {protocol}, fold {result.fold}"
        print(f"{shown}: {correct.mean():.3f} in {result.seconds:.0f} s", flush=True)
