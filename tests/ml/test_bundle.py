"""Bundles: writing, loading, and refusal of damaged or inconsistent ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.errors import BundleError
from ml.networks import bundle
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundles") / "small", "scratch-cnn")


@pytest.fixture
def directory(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copy"))


def change(directory: Path, **entries: Any) -> None:
    path = directory / bundle.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def test_a_bundle_is_three_files(written: Path) -> None:
    assert sorted(p.name for p in written.iterdir()) == ["card.md", "manifest.json", "model.weights.h5"]
    assert "Research use only. Not for diagnosis." in (written / "card.md").read_text()


def test_a_loaded_network_has_the_saved_weights(tmp_path: Path) -> None:
    import keras

    from ml.networks import builder
    from ml.records import Architecture, Manifest, Preprocessing

    keras.utils.set_random_seed(3)
    arch = Architecture(family="scratch-cnn", size=64)
    model = builder.build(arch)
    norm = model.get_layer("block1_conv1_bn")
    norm.moving_variance.assign(np.full(16, 1e6, np.float32))  # more than float16 can hold
    manifest = Manifest("v9", arch, Preprocessing(size=64), {"covid-19": 0.3}, {"covid-19": 0.2}, parent="v8")
    saved = bundle.write(tmp_path / "b", model, manifest)
    loaded, read = bundle.load_network(tmp_path / "b")
    assert read == saved
    assert read.architecture == arch
    assert read.libraries["keras"] == keras.__version__
    for actual, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-6)
    image = np.random.default_rng(0).normal(0, 1, (1, 64, 64, 1)).astype(np.float32)
    np.testing.assert_allclose(loaded(image), model(image), rtol=0.02, atol=0.02)


def test_kernels_are_stored_in_half_precision_and_vectors_in_full_precision(written: Path) -> None:
    import h5py

    with h5py.File(written / bundle.WEIGHTS) as file:
        dtypes: dict[int, set[str]] = {}
        file.visititems(
            lambda _, item: (
                dtypes.setdefault(item.ndim, set()).add(str(item.dtype))
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    assert dtypes[4] == {"float16"}
    assert dtypes[1] == {"float32"}


def test_changed_weights_are_refused(directory: Path) -> None:
    weights = directory / bundle.WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(BundleError, match="do not match its manifest"):
        bundle.load_network(directory)


def test_missing_weights_are_refused(directory: Path) -> None:
    (directory / bundle.WEIGHTS).unlink()
    with pytest.raises(BundleError, match="missing"):
        bundle.verify(directory)


@pytest.mark.parametrize(
    "entries",
    [
        {"surprise": 1},
        {"temperature": 0},
        {"operating_points": {"covid-19": 1.5}},
        {"operating_points": {"flu": 0.5}},
        {"heatmap_reference": {"covid-19": 0}},
        {"architecture": {"family": "lambda", "size": 64}},
        {"architecture": {"family": "vgg16", "size": 224}},
        {"architecture": {"family": "vgg16", "size": 64, "classes": ["normal"]}},
        {"preprocessing": {"size": 64, "scale": "eval"}},
        {"preprocessing": {"size": 64, "made_up": True}},
        {"architecture": None},
    ],
)
def test_a_manifest_with_an_invalid_entry_is_refused(directory: Path, entries: dict[str, Any]) -> None:
    change(directory, **entries)
    with pytest.raises(BundleError):
        bundle.read_manifest(directory)


@pytest.mark.parametrize("content", ["", "[]", "{}", "{", "\x00"])
def test_a_file_that_is_not_a_manifest_is_refused(directory: Path, content: str) -> None:
    (directory / bundle.MANIFEST).write_text(content)
    with pytest.raises(BundleError):
        bundle.read_manifest(directory)


def test_weights_of_another_architecture_are_refused(directory: Path, written: Path) -> None:
    manifest = json.loads((written / bundle.MANIFEST).read_text())
    change(directory, architecture=manifest["architecture"] | {"family": "vgg16"})
    with pytest.raises(BundleError, match="do not fit"):
        bundle.load_network(directory)


def test_an_existing_card_is_kept(directory: Path) -> None:
    (directory / bundle.CARD).write_text("Written by a person.")
    model, manifest = bundle.load_network(directory)
    bundle.write(directory, model, manifest)
    assert (directory / bundle.CARD).read_text() == "Written by a person."
