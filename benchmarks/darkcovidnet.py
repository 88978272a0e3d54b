"""Ozturk's five folds, as published and by patient: `python -m benchmarks.darkcovidnet DATA --out FILE`."""

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
from ml.datasets.disjoint_sets import DisjointSets
from ml.datasets.patient_split import Split, in_order
from ml.images.perceptual_hash import SAME_IMAGE, distances, perceptual_hash
from ml.images.reading import read_radiograph
from ml.recipes import TrainingSpec, at_size, get_recipe
from ml.records import LabelledImage, Preprocessing

FOLDS: Final = 5
CALIBRATION_FOLDS: Final = 7  # one of seven: about 15 % of what is learnt from
SEED: Final = 20260101
THUMBNAIL: Final = Preprocessing(size=32, scale="unit")
TASKS: Final = {"3 classes": ("covid-19", "pneumonia", "normal"), "binary": ("covid-19", "normal")}
PROTOCOLS: Final = ("by patient", "random")

Places = NDArray[np.int_]


@dataclass(frozen=True)
class FoldResult:
    """What one network and one thumbnail probe said of one fold's test radiographs."""

    task: str
    protocol: str
    fold: int
    truth: list[str]
    patients: list[str]
    network: list[list[float]]  # logits, in the order of the task's classes
    thumbnail: list[str]
    recipe: str
    seconds: float


def radiographs_of(folder: Path) -> tuple[LabelledImage, ...]:
    """List darkcovidnet with its patients; radiographs that look alike are one patient."""
    known = importers.Options(cohen=folder / "covid-chestxray-dataset")
    radiographs = importers.read(folder / "darkcovidnet", known).radiographs
    hashes = np.stack(
        [perceptual_hash(read_radiograph(radiograph.path.read_bytes()).grey) for radiograph in radiographs]
    )
    same = DisjointSets()
    for one, other in np.argwhere(np.triu(distances(hashes, hashes) <= SAME_IMAGE, 1)):
        same.join(radiographs[one].patient, radiographs[other].patient)
    return tuple(replace(radiograph, patient=same.find(radiograph.patient)) for radiograph in radiographs)


def parts_of(
    radiographs: Sequence[LabelledImage], protocol: str, folds: int
) -> Iterator[tuple[Places, Places]]:
    """Part radiographs into places to learn from and to test on, stratified by finding."""
    labels = [radiograph.label for radiograph in radiographs]
    if protocol == "random":
        yield from StratifiedKFold(folds, shuffle=True, random_state=SEED).split(labels, labels)
    else:
        patients = [radiograph.patient for radiograph in radiographs]
        cut = StratifiedGroupKFold(folds, shuffle=True, random_state=SEED)
        yield from cut.split(labels, labels, patients)


def network_logits(
    radiographs: Sequence[LabelledImage],
    test: Sequence[LabelledImage],
    protocol: str,
    spec: TrainingSpec,
    start: Path | None,
) -> tuple[list[list[float]], float]:
    """Train on `radiographs` alone, a seventh of them to watch it by, and answer for the test radiographs."""
    from ml.networks import bundle
    from ml.training import trainer  # TensorFlow, only where it is needed

    learnt, watched = next(iter(parts_of(radiographs, protocol, CALIBRATION_FOLDS)))
    split = Split(tuple(radiographs[k] for k in learnt), tuple(radiographs[k] for k in watched), ())
    with TemporaryDirectory() as folder:
        out = Path(folder, "bundle")
        manifest = trainer.train(
            split, spec, start_from=start, out=out, on_epoch=lambda _report: None, should_stop=lambda: False
        )
        model, _ = bundle.load_network(out)
    prep, named = manifest.preprocessing, manifest.architecture.classes
    logits = model.predict(batches.load(test, prep, side=prep.size).inputs(prep), batch_size=16, verbose=0)
    order = [named.index(label) for label in in_order({radiograph.label for radiograph in radiographs})]
    return np.asarray(logits, np.float64)[:, order].tolist(), float(manifest.training["seconds"])


def thumbnail_answers(radiographs: Sequence[LabelledImage], learnt: Places, tested: Places) -> list[str]:
    """Name the findings of the test radiographs by a support vector machine on 32 x 32 pixels."""
    pixels = (
        batches.load(radiographs, THUMBNAIL, side=THUMBNAIL.size).pixels.reshape(len(radiographs), -1) / 255
    )
    labels = np.array([radiograph.label for radiograph in radiographs])
    probe = make_pipeline(StandardScaler(), PCA(60, random_state=SEED), SVC(C=3)).fit(
        pixels[learnt], labels[learnt]
    )
    return [str(name) for name in probe.predict(pixels[tested])]


def results(
    radiographs: Sequence[LabelledImage],
    task: str,
    protocol: str,
    spec: TrainingSpec,
    start: Path | None,
    done: set[int],
) -> Iterator[FoldResult]:
    """Go through the folds that are not done yet."""
    radiographs = [radiograph for radiograph in radiographs if radiograph.label in TASKS[task]]
    for fold, (learnt, tested) in enumerate(parts_of(radiographs, protocol, FOLDS)):
        if fold in done:
            continue
        test = [radiographs[k] for k in tested]
        logits, seconds = network_logits([radiographs[k] for k in learnt], test, protocol, spec, start)
        yield FoldResult(
            task=task,
            protocol=protocol,
            fold=fold,
            truth=[radiograph.label for radiograph in test],
            patients=[radiograph.patient for radiograph in test],
            network=logits,
            thumbnail=thumbnail_answers(radiographs, learnt, tested),
            recipe=f"{spec.preset}, {spec.preprocessing.size} px",
            seconds=seconds,
        )


def kept(file: Path) -> list[FoldResult]:
    """Read the folds that an earlier run has finished."""
    if not file.exists():
        return []
    return [FoldResult(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Read the command line, go through what is missing, print the table."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("data", type=Path, help="folder with darkcovidnet and Cohen's collection")
    words.add_argument("--out", type=Path, required=True, help="results, a line a fold; a second run goes on")
    words.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS)
    words.add_argument("--protocols", nargs="*", default=list(PROTOCOLS), choices=PROTOCOLS)
    words.add_argument("--preset", default="scratch-cnn")
    words.add_argument("--size", type=int, default=128, help="side of the input in pixels")
    words.add_argument("--epochs", type=int, default=40)
    words.add_argument("--learning-rate", type=float)
    words.add_argument(
        "--start-from", type=Path, help="bundle to fine-tune; it must know none of these radiographs"
    )
    words.add_argument("--table-only", action="store_true", help="print the table of what is done")
    wanted = words.parse_args()
    if not wanted.table_only:
        radiographs = radiographs_of(wanted.data)
        spec = replace(at_size(get_recipe(wanted.preset, epochs=wanted.epochs), wanted.size), seed=SEED)
        if wanted.learning_rate:
            spec = replace(spec, learning_rate=wanted.learning_rate)
        for protocol in wanted.protocols:
            for task in wanted.tasks:
                _go_on(wanted.out, radiographs, task, protocol, spec, wanted.start_from)
    found: dict[tuple[str, str], list[FoldResult]] = defaultdict(list)
    for result in kept(wanted.out):
        found[result.task, result.protocol].append(result)
    print(table(found, TASKS))


def _go_on(
    file: Path,
    radiographs: Sequence[LabelledImage],
    task: str,
    protocol: str,
    spec: TrainingSpec,
    start: Path | None,
) -> None:
    done = {result.fold for result in kept(file) if (result.task, result.protocol) == (task, protocol)}
    for result in results(radiographs, task, protocol, spec, start, done):
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(result)) + "\n")
        right = np.argmax(result.network, axis=1) == [TASKS[task].index(name) for name in result.truth]
        print(
            f"{task}, {protocol}, fold {result.fold}: {right.mean():.3f} in {result.seconds:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
