"""Cached features of frozen layers give the same training as computing them at each step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from ml.datasets.batches import AugmentedImages, load
from ml.datasets.patient_split import Split
from ml.networks import builder, bundle
from ml.recipes import Stage, TrainingSpec, at_size, get_recipe
from ml.records import Architecture, EpochReport, Manifest, Preprocessing
from ml.training import feature_cache
from ml.training.trainer import train
from tests.ml.synthetic_dataset import synthetic_split

pytestmark = pytest.mark.network

SIZE = 32
ARCH = Architecture(family="scratch-cnn", size=SIZE)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    return synthetic_split(tmp_path_factory.mktemp("radiographs"))


@pytest.fixture(scope="module")
def net() -> keras.Model:
    keras.utils.set_random_seed(5)
    return builder.build(ARCH)


def _images(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(2).normal(0, 1, (count, SIZE, SIZE, 1)).astype(np.float32)


@pytest.mark.parametrize("first", ["block2_conv1", "block5_conv1", "block5_conv2_bn", "gap", "logits"])
def test_the_two_parts_of_a_split_network_give_the_outputs_of_the_network(
    first: str, net: keras.Model
) -> None:
    trunk, rest = feature_cache.split_model(net, first)
    images = _images(3)
    expected = net.predict_on_batch(images)
    assert rest.predict_on_batch(trunk.predict_on_batch(images)) == pytest.approx(expected, abs=1e-5)
    assert rest.get_layer("logits") is net.get_layer("logits")


def test_dropout_before_the_first_trainable_layer_is_not_cached(net: keras.Model) -> None:
    _, rest = feature_cache.split_model(net, "logits")
    assert [layer.name for layer in rest.layers if layer.weights or "dropout" in layer.name] == [
        "dropout",
        "logits",
    ]


def _compute(
    images: NDArray[np.float32], net: keras.Model, folder: Path, copies: int = 1
) -> feature_cache.CachedFeatures:
    trunk, _ = feature_cache.split_model(net, "block5_conv1")
    shape = (len(images) // copies, copies)
    found = feature_cache.compute(trunk, iter(images), shape=shape, batch_size=4, folder=folder)
    assert found is not None
    return found


def test_features_are_the_outputs_of_the_frozen_layers_in_half_precision(
    net: keras.Model, tmp_path: Path
) -> None:
    images = _images(6)
    trunk, _ = feature_cache.split_model(net, "block5_conv1")
    found = _compute(images, net, tmp_path, copies=2)
    expected = trunk.predict_on_batch(images)
    assert found.values.shape == (3, 2, *expected.shape[1:])
    assert found.values.dtype == np.float16
    # Half precision has 11 significant bits.
    assert found.values.reshape(expected.shape) == pytest.approx(expected, rel=2**-11, abs=1e-6)


def test_features_above_the_memory_limit_are_stored_in_an_unnamed_file(
    net: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = _images(5)
    small = _compute(images, net, tmp_path)
    monkeypatch.setattr(feature_cache, "MAX_MEMORY", 0)
    large = _compute(images, net, tmp_path / "new")
    assert isinstance(large.values.base, np.memmap) or isinstance(large.values, np.memmap)
    assert not isinstance(small.values, np.memmap)
    assert np.array_equal(large.values, small.values)
    assert list((tmp_path / "new").iterdir()) == []


def test_computing_features_stops_when_asked_to(net: keras.Model, tmp_path: Path) -> None:
    trunk, _ = feature_cache.split_model(net, "block5_conv1")
    taken = 0

    def images() -> Iterator[NDArray[np.float32]]:
        nonlocal taken
        for image in _images(40):
            taken += 1
            yield image

    found = feature_cache.compute(
        trunk, images(), shape=(40, 1), batch_size=4, folder=tmp_path, should_stop=lambda: taken >= 8
    )
    assert found is None
    assert taken == 8


def test_variants_are_seeded_and_the_first_is_the_unchanged_image(split: Split) -> None:
    prep = Preprocessing(size=SIZE)
    augmented = AugmentedImages(load(split.train, prep, side=64), prep, strength=1.0, mirror=True)
    first, same, other = (
        list(feature_cache.variants_of(augmented, variants=3, seed=seed)) for seed in (1, 1, 2)
    )
    assert len(first) == 36
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    unchanged = replace(augmented, strength=0.0, mirror=False)
    random = np.random.default_rng(0)
    for index in range(12):
        original, *variants = first[3 * index : 3 * index + 3]
        assert np.array_equal(original, unchanged(index, random))
        assert np.array_equal(original, other[3 * index])
        assert not any(np.array_equal(original, variant) for variant in variants)
        assert not np.array_equal(variants[0], variants[1])


def _train(
    split: Split, out: Path, spec: TrainingSpec, start: Path
) -> tuple[Manifest, list[EpochReport], list[NDArray[np.float32]]]:
    reports: list[EpochReport] = []
    manifest = train(
        split, spec, start_from=start, out=out, on_epoch=reports.append, should_stop=lambda: False
    )
    return manifest, reports, bundle.load_network(out)[0].get_weights()


@pytest.fixture(scope="module")
def start(split: Split, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle trained for a few epochs, so that its batch statistics fit the images."""
    out = tmp_path_factory.mktemp("start") / "bundle"
    spec = replace(at_size(get_recipe("scratch-cnn", seed=1, epochs=4), SIZE), batch_size=6)
    train(split, spec, start_from=None, out=out, on_epoch=lambda _: None, should_stop=lambda: False)
    return out


@pytest.mark.parametrize(
    ("first", "dtype", "tolerance", "epochs"),
    [
        ("logits", np.float32, 1e-4, 4),
        ("logits", np.float16, 1e-3, 4),
        ("block5_conv1", np.float32, 1e-3, 4),
        ("block5_conv1", np.float16, 1e-3, 1),
    ],
)
def test_without_augmentation_a_cached_training_equals_an_uncached_one(
    first: str, dtype: type, tolerance: float, epochs: int, split: Split, start: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """In float32 all epochs are equal. In half precision rounding errors grow if many layers are trained.

    How fast they grow depends on the processor, so only the first epoch is compared there.
    """
    monkeypatch.setattr(feature_cache, "DTYPE", dtype)
    spec = replace(
        get_recipe("vgg16-finetune", seed=2, epochs=4), batch_size=6, augmentation=0.0,
        precision="float32", learning_rate=2e-3, stages=(Stage(1.0, first),),
    )  # fmt: skip
    _, uncached, uncached_weights = _train(split, tmp_path / "uncached", replace(spec, variants=0), start)
    _, cached, cached_weights = _train(split, tmp_path / "cached", replace(spec, variants=1), start)
    metrics = [np.array([(r.loss, r.val_loss) for r in reports]) for reports in (uncached, cached)]
    assert metrics[1][:epochs] == pytest.approx(metrics[0][:epochs], abs=tolerance)
    assert [r.val_accuracy for r in cached[:epochs]] == [r.val_accuracy for r in uncached[:epochs]]
    assert np.ptp(metrics[0][:, 1]) > 2 * tolerance  # the training changes more than the tolerance
    assert all(
        first.shape == second.shape for first, second in zip(uncached_weights, cached_weights, strict=True)
    )


def test_the_frozen_layers_run_once_for_each_image_and_variant(
    split: Split, start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes: list[tuple[int, int]] = []
    real = feature_cache.compute

    def counted(trunk: keras.Model, images: object, *, shape: tuple[int, int], **rest: object) -> object:
        shapes.append(shape)
        return real(trunk, images, shape=shape, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(feature_cache, "compute", counted)
    stages = (Stage(0.5, "logits"), Stage(0.5, "block5_conv1"))
    spec = replace(get_recipe("vgg16-finetune", seed=2, epochs=8), batch_size=6, variants=4, stages=stages)
    _, reports, _ = _train(split, tmp_path / "out", spec, start)
    # Four epochs in a stage: at most two variants, so the frozen layers run half as often as uncached.
    assert shapes == [(12, 2), (6, 1), (12, 2), (6, 1)]
    assert len(reports) == 8
