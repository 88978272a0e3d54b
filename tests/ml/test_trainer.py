"""Networks really learn, stop when asked, and can be made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from ml.datasets.near_duplicates import find_near_duplicates
from ml.datasets.patient_split import CONTESTED, IN_TEST, Split, split_by_patient
from ml.networks import builder, bundle
from ml.recipes import RECIPES, Stage, TrainingSpec, at_size, get_recipe
from ml.records import Architecture, EpochReport, LabelledImage, Manifest
from ml.training.schedule import Progress, one_cycle, stage_ends
from ml.training.trainer import NoUsableNetwork, train
from ml.training.training_copy import training_copy_of
from tests.hostile_files import ACCEPTED, specimens
from tests.ml.synthetic_dataset import bright_radiographs, bright_sides
from tests.radiographs import radiograph_png
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network

CLASSES = ("covid-19", "pneumonia", "normal")


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """Twelve radiographs to learn from and six to check on; the class shows in the side that is bright."""
    return bright_sides(tmp_path_factory.mktemp("radiographs"))


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


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_trains_and_leaves_a_bundle(name: str, split: Split, tmp_path: Path) -> None:
    start = make_bundle(tmp_path / "start", "vgg16", size=32) if RECIPES[name].fine_tune else None
    weights = _imagenet_file(tmp_path) if RECIPES[name].imagenet else None
    manifest, reports = _run(split, _small(name), tmp_path / "out", start_from=start, imagenet=weights)
    assert bundle.verify(tmp_path / "out") == manifest
    assert manifest.architecture.classes == CLASSES
    assert [(report.epoch, report.epochs) for report in reports] == [(1, 1)]
    assert np.isfinite([reports[0].loss, reports[0].val_loss]).all()
    assert manifest.training["spec"]["preset"] == name


def _imagenet_file(folder: Path) -> Path:
    """Write random convolutions in the layout of Keras' `notop` file."""
    path, random, inner = folder / "notop.h5", np.random.default_rng(1), 3
    with h5py.File(path, "w") as file:
        for block, (outer, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), start=1):
            for number in range(1, count + 1):
                group = file.create_group(f"block{block}_conv{number}")
                spread = np.sqrt(2 / (9 * inner))
                group["kernel:0"] = random.normal(0, spread, (3, 3, inner, outer)).astype(np.float32)
                group["bias:0"] = np.zeros(outer, np.float32)
                inner = outer
    return path


def test_the_convolutions_of_imagenet_are_where_the_transfer_recipe_begins(
    split: Split, tmp_path: Path
) -> None:
    weights = _imagenet_file(tmp_path)
    spec = replace(_small("vgg16-imagenet"), stages=(Stage(1.0, "logits"),))
    _run(split, spec, tmp_path / "out", start_from=None, imagenet=weights)
    model, _ = bundle.load_network(tmp_path / "out")
    with h5py.File(weights) as file:
        stored = file["block5_conv3/kernel:0"][()]
    assert model.get_layer("block5_conv3").get_weights()[0] == pytest.approx(stored, abs=1e-4)  # float16


def test_a_visible_difference_is_learnt(split: Split, tmp_path: Path) -> None:
    spec = replace(_small("scratch-cnn", epochs=25), augmentation=0.2)
    manifest, reports = _run(split, spec, tmp_path / "out")
    best = reports[manifest.training["kept_epoch"] - 1]
    assert best.val_loss == min(report.val_loss for report in reports)
    assert best.val_accuracy == 1
    assert best.val_loss < 0.5 * np.log(3)  # half of what guessing costs


def test_the_same_seed_gives_the_same_figures(split: Split, tmp_path: Path) -> None:
    runs = [
        _run(split, _small("scratch-cnn", epochs=2, seed=seed), tmp_path / name)
        for name, seed in (("one", 4), ("two", 4), ("three", 5))
    ]
    figures = [[(r.loss, r.val_loss, r.val_accuracy) for r in reports] for _, reports in runs]
    assert figures[0] == figures[1]
    assert figures[0] != figures[2]
    assert runs[0][0].weights_sha256 == runs[1][0].weights_sha256


def test_a_stop_keeps_the_best_epoch_until_then(split: Split, tmp_path: Path) -> None:
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
    assert manifest.training["kept_epoch"] == 1 + int(np.argmin(losses))
    assert bundle.verify(tmp_path / "out") == manifest


def test_a_stop_in_the_first_epoch_leaves_nothing(split: Split, tmp_path: Path) -> None:
    with pytest.raises(NoUsableNetwork):
        _run(split, _small("tiny-cnn"), tmp_path / "out", should_stop=lambda: True)
    assert not (tmp_path / "out").exists()


def test_a_damaged_radiograph_is_left_out_and_named(split: Split, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(split.train[0].path.read_bytes()[:200])
    radiographs = replace(split, train=(*split.train, LabelledImage(damaged, "normal", "somebody")))
    manifest, _ = _run(radiographs, _small("tiny-cnn"), tmp_path / "out")
    assert manifest.training["left_out"] == [{"radiograph": "damaged.png", "reason": "damaged"}]


@pytest.fixture(scope="module")
def corrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[LabelledImage, ...]:
    """Write files that are no usable radiograph: cut, empty, text, other formats, bombs, blanks."""
    folder = tmp_path_factory.mktemp("corrupted")
    bad = [one.content for one in specimens(inflated=4_000_000) if ACCEPTED not in one.right]
    bad = [content for content in bad if len(content) < 2_000_000]
    bad += [
        b"no radiograph at all",
        radiograph_png(1)[:8] + bytes(5000),
        b"\xff\xd8\xff" + bytes(range(256)) * 20,
    ]
    radiographs = []
    for number, content in enumerate(bad):
        path = folder / f"bad-{number}.png"
        path.write_bytes(content)
        radiographs.append(LabelledImage(path, CLASSES[number % 3], f"unlucky-{number}"))
    return tuple(radiographs)


def test_corrupted_radiographs_are_named_and_left_out_and_none_is_fatal(
    split: Split, corrupted: tuple[LabelledImage, ...], tmp_path: Path
) -> None:
    assert len(corrupted) >= 20
    train, validation = (
        (*good, *bad)
        for good, bad in zip((split.train, split.validation), (corrupted[::2], corrupted[1::2]), strict=True)
    )
    radiographs = Split(train, validation, ())
    manifest, _ = _run(radiographs, _small("tiny-cnn"), tmp_path / "out")
    named = {item["radiograph"]: item["reason"] for item in manifest.training["left_out"]}
    assert set(named) == {radiograph.path.name for radiograph in corrupted}
    assert all(named.values())
    assert bundle.verify(tmp_path / "out") == manifest


def test_corrupted_radiographs_take_no_place_in_a_split(
    split: Split, corrupted: tuple[LabelledImage, ...]
) -> None:
    radiographs = (*split.train, *split.validation, *corrupted)
    parted = split_by_patient(radiographs, seed=1, looks=find_near_duplicates(radiographs))
    assert {out.radiograph for out in parted.left_out if out.reason not in (CONTESTED, IN_TEST)} == set(
        corrupted
    )
    assert not {*corrupted} & {*parted.train, *parted.validation, *parted.test}


def test_fine_tuning_leaves_the_first_layers_alone(split: Split, tmp_path: Path) -> None:
    start = make_bundle(tmp_path / "start", "vgg16", size=32, version="v7")
    manifest, reports = _run(split, _small("vgg16-finetune"), tmp_path / "out", start_from=start)
    before, _ = bundle.load_network(start)
    after, _ = bundle.load_network(tmp_path / "out")

    def changed(name: str) -> bool:
        pairs = zip(before.get_layer(name).get_weights(), after.get_layer(name).get_weights(), strict=True)
        return any((one != other).any() for one, other in pairs)

    assert manifest.parent == "v7"
    assert reports[0].phase == "last layers, 32 px"
    assert not any(changed(name) for name in ("block1_conv1", "block4_conv3", "block4_conv3_bn"))
    assert all(changed(name) for name in ("block5_conv1", "block5_conv3_bn", "logits"))


def test_all_layers_learn_when_thawed(split: Split, tmp_path: Path) -> None:
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


def test_a_new_finding_is_added_and_an_old_one_is_not_forgotten(tmp_path: Path) -> None:
    learnt, checked = (
        bright_radiographs(tmp_path, ("covid-19", "other"), numbers) for numbers in (range(6), range(6, 10))
    )
    radiographs = Split(learnt, checked, ())
    start = make_bundle(tmp_path / "start", "scratch-cnn", size=32)
    manifest, _ = _run(radiographs, _small("vgg16-finetune"), tmp_path / "out", start_from=start)
    assert manifest.architecture.classes == (*CLASSES, "other")
    assert manifest.architecture.family == "scratch-cnn"


def test_fine_tuning_needs_something_to_start_from(split: Split, tmp_path: Path) -> None:
    with pytest.raises(NoUsableNetwork):
        _run(split, _small("vgg16-finetune"), tmp_path / "out")


def test_a_training_that_diverges_says_so(split: Split, tmp_path: Path) -> None:
    spec = replace(_small("tiny-cnn", epochs=30), learning_rate=float("inf"))
    with pytest.raises(NoUsableNetwork, match="diverged"):
        _run(split, spec, tmp_path / "out")


@pytest.mark.parametrize("training", [True, False])
def test_the_twin_answers_as_the_network_does(training: bool) -> None:
    keras.utils.set_random_seed(2)
    arch = Architecture(family="scratch-cnn", size=32, dropout=0.0)
    model = builder.build(arch)
    images = np.random.default_rng(1).normal(0, 1, (4, 32, 32, 1)).astype(np.float32)
    twin = training_copy_of(model, arch, "float32")
    expected = np.asarray(model(images, training=training))
    assert np.asarray(twin(images, training=training)) == pytest.approx(expected, abs=2e-4)


def test_the_rate_rises_to_its_peak_and_falls() -> None:
    rates = [one_cycle(1e-3, step / 100) for step in range(101)]
    assert max(rates) == pytest.approx(1e-3)
    assert rates.index(max(rates)) == 20
    assert rates[0] == pytest.approx(4e-5)
    assert rates[-1] == pytest.approx(1e-6)
    assert rates[:21] == sorted(rates[:21])
    assert rates[20:] == sorted(rates[20:], reverse=True)


def test_stages_end_at_whole_epochs_and_one_that_is_too_short_is_passed_over() -> None:
    stages = (Stage(0.25, "logits"), Stage(0.5, "block5_conv1"), Stage(0.25))
    assert stage_ends(stages, 8) == (0.25, 0.75, 1)  # 2, 4 and 2 epochs
    assert stage_ends(stages, 3) == pytest.approx((1 / 3, 2 / 3, 1))
    assert stage_ends(stages, 1) == (0, 1, 1)
    course = Progress(10, 0, clock=lambda: 0.0, ends=(0, 0.5, 1))
    seen = []
    for course.done in range(11):
        seen.append((course.stage, course.within(course.stage)))
    assert seen[:6] == [(1, 0.0), (1, 0.2), (1, 0.4), (1, 0.6), (1, 0.8), (2, 0.0)]
    assert seen[10] == (2, 1.0)
    assert [course.steps_of(stage) for stage in range(3)] == [0, 5, 5]


def test_the_clock_ends_a_training_of_so_many_minutes() -> None:
    now = [100.0]
    course = Progress(steps=10, seconds=60, clock=lambda: now[0])
    course.done = 10
    assert not course.finished
    now[0] = 145.0
    assert course.progress == 0.75
    assert course.size_now(((0.5, 96), (0.8, 128)), 160) == 128
    now[0] = 161.0
    assert course.finished
