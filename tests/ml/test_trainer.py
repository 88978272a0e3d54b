"""Networks really learn, stop when asked, and can be made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from ml import bundle, network
from ml.dataset import Split
from ml.presets import PRESETS, TrainingSpec, at_size, preset
from ml.records import Architecture, EpochReport, LabelledFilm, Manifest
from ml.schedule import Course, one_cycle
from ml.trainer import NothingLearnt, train
from ml.twin import twin_of
from tests.films import film_grey
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network

CLASSES = ("covid-19", "pneumonia", "normal")


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """Twelve films to learn from and six to check on; the class shows in the side that is bright."""
    folder = tmp_path_factory.mktemp("films")
    return Split(_films(folder, CLASSES, range(12)), _films(folder, CLASSES, range(12, 18)), ())


def _films(folder: Path, classes: tuple[str, ...], numbers: range) -> tuple[LabelledFilm, ...]:
    films = []
    for number in numbers:
        label = classes[number % len(classes)]
        grey = film_grey(number, (64, 64)) * 0.5
        edges = {"covid-19": grey[:, :20], "pneumonia": grey[:, -20:], "normal": grey[:20]}
        if label in edges:
            edges[label] += 0.4
        path = folder / f"film-{number}.png"
        cv2.imwrite(str(path), (grey * 255).astype(np.uint8))
        films.append(LabelledFilm(path, label, f"patient-{number}"))
    return tuple(films)


def _small(name: str, *, epochs: int = 1, seed: int = 1) -> TrainingSpec:
    size = 64 if name == "resnext50" else 32
    return replace(at_size(preset(name, seed=seed, epochs=epochs), size), batch_size=6)


def _run(
    films: Split,
    spec: TrainingSpec,
    out: Path,
    *,
    start_from: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Manifest, list[EpochReport]]:
    reports: list[EpochReport] = []
    manifest = train(
        films, spec, start_from=start_from, out=out, on_epoch=reports.append, should_stop=should_stop
    )
    return manifest, reports


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_recipe_trains_and_leaves_a_bundle(name: str, split: Split, tmp_path: Path) -> None:
    start = make_bundle(tmp_path / "start", "vgg16", size=32) if PRESETS[name].fine_tune else None
    manifest, reports = _run(split, _small(name), tmp_path / "out", start_from=start)
    assert bundle.verify(tmp_path / "out") == manifest
    assert manifest.architecture.classes == CLASSES
    assert [(report.epoch, report.epochs) for report in reports] == [(1, 1)]
    assert np.isfinite([reports[0].loss, reports[0].val_loss]).all()
    assert manifest.training["spec"]["preset"] == name


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
    with pytest.raises(NothingLearnt):
        _run(split, _small("tiny-cnn"), tmp_path / "out", should_stop=lambda: True)
    assert not (tmp_path / "out").exists()


def test_a_damaged_film_is_left_out_and_named(split: Split, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(split.train[0].path.read_bytes()[:200])
    films = replace(split, train=(*split.train, LabelledFilm(damaged, "normal", "somebody")))
    manifest, _ = _run(films, _small("tiny-cnn"), tmp_path / "out")
    assert manifest.training["left_out"] == [{"film": "damaged.png", "reason": "damaged"}]


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
    spec = replace(_small("vgg16-finetune"), thaw_epochs=1, keep="last")
    _, reports = _run(split, spec, tmp_path / "out", start_from=start)
    before, _ = bundle.load_network(start)
    after, _ = bundle.load_network(tmp_path / "out")
    # The kernels are stored in float16, too coarse for one small step; the batch statistics are not.
    means = [model.get_layer("block1_conv1_bn").get_weights()[2] for model in (before, after)]
    assert [report.phase for report in reports] == ["last layers, 32 px", "all layers, 32 px"]
    assert (means[0] != means[1]).any()


def test_a_new_finding_is_added_and_an_old_one_is_not_forgotten(tmp_path: Path) -> None:
    learnt, checked = (
        _films(tmp_path, ("covid-19", "other"), numbers) for numbers in (range(6), range(6, 10))
    )
    films = Split(learnt, checked, ())
    start = make_bundle(tmp_path / "start", "scratch-cnn", size=32)
    spec = replace(_small("vgg16-finetune"), frozen_until="")
    manifest, _ = _run(films, spec, tmp_path / "out", start_from=start)
    assert manifest.architecture.classes == (*CLASSES, "other")
    assert manifest.architecture.family == "scratch-cnn"


def test_fine_tuning_needs_something_to_start_from(split: Split, tmp_path: Path) -> None:
    with pytest.raises(NothingLearnt):
        _run(split, _small("vgg16-finetune"), tmp_path / "out")


def test_a_training_that_diverges_says_so(split: Split, tmp_path: Path) -> None:
    spec = replace(_small("tiny-cnn", epochs=30), learning_rate=float("inf"))
    with pytest.raises(NothingLearnt, match="diverged"):
        _run(split, spec, tmp_path / "out")


@pytest.mark.parametrize("training", [True, False])
def test_the_twin_answers_as_the_network_does(training: bool) -> None:
    keras.utils.set_random_seed(2)
    arch = Architecture(family="scratch-cnn", size=32, dropout=0.0)
    model = network.build(arch)
    images = np.random.default_rng(1).normal(0, 1, (4, 32, 32, 1)).astype(np.float32)
    twin = twin_of(model, arch, "float32")
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


def test_the_clock_ends_a_training_of_so_many_minutes() -> None:
    now = [100.0]
    course = Course(steps=10, seconds=60, clock=lambda: now[0])
    course.done = 10
    assert not course.finished
    now[0] = 145.0
    assert course.progress == 0.75
    assert course.size_now(((0.5, 96), (0.8, 128)), 160) == 128
    now[0] = 161.0
    assert course.finished
