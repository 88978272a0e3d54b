"""Training: every recipe, stopping, reproducibility, fine-tuning and undecodable files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import h5py
import keras
import numpy as np
import pytest

from ml.datasets.near_duplicates import find_near_duplicates
from ml.datasets.patient_split import CONTESTED, IN_TEST, Split, split_by_patient
from ml.networks import builder, bundle
from ml.networks.network_copy import network_copy
from ml.recipes import RECIPES, Stage, TrainingSpec, at_size, get_recipe
from ml.records import Architecture, EpochReport, LabelledImage, Manifest
from ml.training.trainer import NoUsableNetwork, train
from tests.hostile_files import ACCEPTED, specimens
from tests.ml.synthetic_dataset import synthetic_images, synthetic_split
from tests.radiographs import radiograph_png
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network

CLASSES = ("covid-19", "pneumonia", "normal")


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """Return twelve training and six validation images."""
    return synthetic_split(tmp_path_factory.mktemp("radiographs"))


def _small(name: str, *, epochs: int = 1, seed: int = 1) -> TrainingSpec:
    size = 64 if name == "resnext50" else 32
    return replace(at_size(get_recipe(name, seed=seed, epochs=epochs), size), batch_size=6)


def _run(
    radiographs: Split,
    spec: TrainingSpec,
    out: Path,
    *,
    start_from: Path | None = None,
    imagenet: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Manifest, list[EpochReport]]:
    reports: list[EpochReport] = []
    manifest = train(
        radiographs,
        spec,
        start_from=start_from,
        out=out,
        on_epoch=reports.append,
        should_stop=should_stop,
        imagenet=imagenet,
    )
    return manifest, reports


SLOW: Final = {"resnext50"}  # half a minute for one epoch


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.nightly] if name in SLOW else []) for name in sorted(RECIPES)],
)
def test_every_recipe_trains_and_writes_a_bundle(name: str, split: Split, tmp_path: Path) -> None:
    start = make_bundle(tmp_path / "start", "vgg16", size=32) if RECIPES[name].fine_tune else None
    weights = _imagenet_file(tmp_path) if RECIPES[name].imagenet else None
    manifest, reports = _run(split, _small(name), tmp_path / "out", start_from=start, imagenet=weights)
    assert bundle.verify(tmp_path / "out") == manifest
    assert manifest.architecture.classes == CLASSES
    assert [(report.epoch, report.epochs) for report in reports] == [(1, 1)]
    assert np.isfinite([reports[0].loss, reports[0].val_loss]).all()
    assert manifest.training["spec"]["preset"] == name


def _imagenet_file(folder: Path) -> Path:
    """Write random convolutions in the layout of the `notop` file of Keras."""
    path, random, inner = folder / "notop.h5", np.random.default_rng(1), 3
    with h5py.File(path, "w") as file:
        for block, (outer, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), start=1):
            for number in range(1, count + 1):
                group = file.create_group(f"block{block}_conv{number}")
                deviation = np.sqrt(2 / (9 * inner))
                group["kernel:0"] = random.normal(0, deviation, (3, 3, inner, outer)).astype(np.float32)
                group["bias:0"] = np.zeros(outer, np.float32)
                inner = outer
    return path


@pytest.mark.nightly
def test_the_imagenet_recipe_starts_from_the_convolutions_of_the_file(split: Split, tmp_path: Path) -> None:
    weights = _imagenet_file(tmp_path)
    spec = replace(_small("vgg16-imagenet"), stages=(Stage(1.0, "logits"),))
    _run(split, spec, tmp_path / "out", start_from=None, imagenet=weights)
    model, _ = bundle.load_network(tmp_path / "out")
    with h5py.File(weights) as file:
        stored = file["block5_conv3/kernel:0"][()]
    assert model.get_layer("block5_conv3").get_weights()[0] == pytest.approx(stored, abs=1e-4)  # float16


def test_a_visible_difference_between_classes_is_learned(split: Split, tmp_path: Path) -> None:
    spec = replace(_small("scratch-cnn", epochs=25), augmentation=0.2)
    manifest, reports = _run(split, spec, tmp_path / "out")
    best = reports[manifest.training["selected_epoch"] - 1]
    assert best.val_loss == min(report.val_loss for report in reports)
    assert best.val_accuracy == 1
    assert best.val_loss < 0.5 * np.log(3)  # half of what guessing costs


def test_equal_seeds_give_equal_metrics_and_weights(split: Split, tmp_path: Path) -> None:
    runs = [
        _run(split, _small("scratch-cnn", epochs=2, seed=seed), tmp_path / name)
        for name, seed in (("one", 4), ("two", 4), ("three", 5))
    ]
    metrics = [[(r.loss, r.val_loss, r.val_accuracy) for r in reports] for _, reports in runs]
    assert metrics[0] == metrics[1]
    assert metrics[0] != metrics[2]
    assert runs[0][0].weights_sha256 == runs[1][0].weights_sha256


def test_a_stopped_training_selects_its_best_epoch(split: Split, tmp_path: Path) -> None:
    reports: list[EpochReport] = []
    manifest = train(
        split,
        _small("tiny-cnn", epochs=50),
        start_from=None,
        out=tmp_path / "out",
        on_epoch=reports.append,
        should_stop=lambda: len(reports) == 3,
    )
    losses = [report.val_loss for report in reports]
    assert len(reports) == 3
    assert manifest.training["stopped"] is True
    assert manifest.training["selected_epoch"] == 1 + int(np.argmin(losses))
    assert bundle.verify(tmp_path / "out") == manifest


def test_a_stop_in_the_first_epoch_leaves_no_bundle(split: Split, tmp_path: Path) -> None:
    with pytest.raises(NoUsableNetwork):
        _run(split, _small("tiny-cnn"), tmp_path / "out", should_stop=lambda: True)
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_is_listed_in_the_manifest(split: Split, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(split.train[0].path.read_bytes()[:200])
    radiographs = replace(split, train=(*split.train, LabelledImage(damaged, "normal", "patient")))
    manifest, _ = _run(radiographs, _small("tiny-cnn"), tmp_path / "out")
    assert manifest.training["exclusions"] == [{"radiograph": "damaged.png", "reason": "damaged"}]


@pytest.fixture(scope="module")
def corrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[LabelledImage, ...]:
    """Write unusable files: truncated, empty, text, other formats, decompression bombs, blank images."""
    folder = tmp_path_factory.mktemp("corrupted")
    bad = [one.content for one in specimens(inflated=4_000_000) if ACCEPTED not in one.allowed]
    bad = [content for content in bad if len(content) < 2_000_000]
    bad += [
        b"not a radiograph",
        radiograph_png(1)[:8] + bytes(5000),
        b"\xff\xd8\xff" + bytes(range(256)) * 20,
    ]
    radiographs = []
    for number, content in enumerate(bad):
        path = folder / f"bad-{number}.png"
        path.write_bytes(content)
        radiographs.append(LabelledImage(path, CLASSES[number % 3], f"corrupted-{number}"))
    return tuple(radiographs)


def test_corrupted_files_are_listed_and_do_not_stop_the_training(
    split: Split, corrupted: tuple[LabelledImage, ...], tmp_path: Path
) -> None:
    assert len(corrupted) >= 20
    train, validation = (
        (*good, *bad)
        for good, bad in zip((split.train, split.validation), (corrupted[::2], corrupted[1::2]), strict=True)
    )
    radiographs = Split(train, validation, ())
    manifest, _ = _run(radiographs, _small("tiny-cnn"), tmp_path / "out")
    listed = {item["radiograph"]: item["reason"] for item in manifest.training["exclusions"]}
    assert set(listed) == {radiograph.path.name for radiograph in corrupted}
    assert all(listed.values())
    assert bundle.verify(tmp_path / "out") == manifest


def test_corrupted_files_are_excluded_from_a_split(
    split: Split, corrupted: tuple[LabelledImage, ...]
) -> None:
    radiographs = (*split.train, *split.validation, *corrupted)
    parts = split_by_patient(radiographs, seed=1, near_duplicates=find_near_duplicates(radiographs))
    assert {out.radiograph for out in parts.exclusions if out.reason not in (CONTESTED, IN_TEST)} == set(
        corrupted
    )
    assert not {*corrupted} & {*parts.train, *parts.validation, *parts.test}


def test_fine_tuning_does_not_change_the_frozen_layers(split: Split, tmp_path: Path) -> None:
    start = make_bundle(tmp_path / "start", "vgg16", size=32, version="v7")
    manifest, reports = _run(split, _small("vgg16-finetune"), tmp_path / "out", start_from=start)
    before, _ = bundle.load_network(start)
    after, _ = bundle.load_network(tmp_path / "out")

    def changed(name: str) -> bool:
        pairs = zip(before.get_layer(name).get_weights(), after.get_layer(name).get_weights(), strict=True)
        return any((first != second).any() for first, second in pairs)

    assert manifest.parent == "v7"
    assert reports[0].phase == "last layers, 32 px"
    assert not any(changed(name) for name in ("block1_conv1", "block4_conv3", "block4_conv3_bn"))
    assert all(changed(name) for name in ("block5_conv1", "block5_conv3_bn", "logits"))


@pytest.mark.nightly
def test_a_stage_without_frozen_layers_trains_all_layers(split: Split, tmp_path: Path) -> None:
    start = make_bundle(tmp_path / "start", "vgg16", size=32)
    stages = (Stage(0.5, "block5_conv1"), Stage(0.5))
    spec = replace(_small("vgg16-finetune", epochs=2), stages=stages, keep="last")
    _, reports = _run(split, spec, tmp_path / "out", start_from=start)
    before, _ = bundle.load_network(start)
    after, _ = bundle.load_network(tmp_path / "out")
    # The kernels are stored in float16, too coarse for one small step; the batch statistics are not.
    means = [model.get_layer("block1_conv1_bn").get_weights()[2] for model in (before, after)]
    assert [report.phase for report in reports] == ["last layers, 32 px", "all layers, 32 px"]
    assert (means[0] != means[1]).any()


def test_fine_tuning_adds_a_new_class_and_keeps_the_old_ones(tmp_path: Path) -> None:
    training, validation = (
        synthetic_images(tmp_path, ("covid-19", "other"), numbers) for numbers in (range(6), range(6, 10))
    )
    radiographs = Split(training, validation, ())
    start = make_bundle(tmp_path / "start", "scratch-cnn", size=32)
    manifest, _ = _run(radiographs, _small("vgg16-finetune"), tmp_path / "out", start_from=start)
    assert manifest.architecture.classes == (*CLASSES, "other")
    assert manifest.architecture.family == "scratch-cnn"


def test_fine_tuning_without_an_active_version_is_refused(split: Split, tmp_path: Path) -> None:
    with pytest.raises(NoUsableNetwork):
        _run(split, _small("vgg16-finetune"), tmp_path / "out")


def test_a_diverging_training_is_refused(split: Split, tmp_path: Path) -> None:
    spec = replace(_small("tiny-cnn", epochs=30), learning_rate=float("inf"))
    with pytest.raises(NoUsableNetwork, match="diverged"):
        _run(split, spec, tmp_path / "out")


@pytest.mark.parametrize("training", [True, False])
def test_the_training_copy_gives_the_outputs_of_the_network(training: bool) -> None:
    keras.utils.set_random_seed(2)
    arch = Architecture(family="scratch-cnn", size=32, dropout=0.0)
    model = builder.build(arch)
    images = np.random.default_rng(1).normal(0, 1, (4, 32, 32, 1)).astype(np.float32)
    copy = network_copy(model, arch, "float32")
    expected = np.asarray(model(images, training=training))
    assert np.asarray(copy(images, training=training)) == pytest.approx(expected, abs=2e-4)
