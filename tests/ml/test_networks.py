"""Architectures, compared with their papers and with Keras."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import h5py
import keras
import numpy as np
import pytest

from ml.networks import builder
from ml.networks.resnext50 import GroupedConvolution
from ml.records import Architecture, Family

pytestmark = pytest.mark.network
FAMILIES = get_args(Family)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("head", ["gap", "flatten"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_output_of_every_family_is_logits_of_all_classes(
    family: Family, head: str, channels: int
) -> None:
    arch = Architecture(family=family, size=64, channels=channels, head=head, classes=("a", "b"))  # type: ignore[arg-type]
    model = builder.build(arch)
    assert model.output.shape == (None, 2)
    assert model.layers[-1].name == "logits"
    assert model.layers[-1].activation is keras.activations.linear
    assert not any("softmax" in layer.name for layer in model.layers)
    assert len(model.get_layer(builder.target_layer(arch)).output.shape) == 4


@pytest.mark.parametrize("family", FAMILIES)
def test_the_target_layer_is_rectified(family: Family) -> None:
    arch = Architecture(family=family, size=64)
    model = builder.build(arch)
    target = model.get_layer(builder.target_layer(arch)).output
    image = np.random.default_rng(0).normal(0, 1, (2, 64, 64, 1)).astype(np.float32)
    features = keras.Model(model.input, target)(image).numpy()
    assert features.min() == 0
    assert features.max() > 0


def test_vgg16_has_as_many_weights_as_in_keras() -> None:
    model = builder.build(Architecture(channels=3, batch_norm=False, classes=("a", "b")))
    assert model.count_params() - 2 * 513 == 14_714_688  # Keras' published count without its top


def test_vgg16_has_the_layer_names_and_shapes_of_keras() -> None:
    model = builder.build(Architecture(channels=3, batch_norm=False))
    reference = keras.applications.VGG16(include_top=False, weights=None, input_shape=(224, 224, 3))
    expected = [(layer.name, layer.kernel.shape) for layer in reference.layers if "conv" in layer.name]
    assert [(layer.name, layer.kernel.shape) for layer in model.layers if "conv" in layer.name] == expected
    assert builder.target_layer(Architecture(batch_norm=False)) == "block5_conv3"
    assert builder.target_layer(Architecture(batch_norm=True)) == "block5_conv3_relu"


def test_resnext50_has_about_as_many_weights_as_in_the_paper() -> None:
    arch = Architecture(family="resnext50", channels=3, classes=tuple(f"c{n}" for n in range(1000)))
    assert builder.build(arch).count_params() == pytest.approx(25.0e6, rel=0.01)


@pytest.mark.parametrize("strides", [1, 2])
def test_the_grouped_convolution_equals_that_of_keras(strides: int) -> None:
    image = np.random.default_rng(0).normal(0, 1, (2, 9, 9, 64)).astype(np.float32)
    layer = GroupedConvolution(strides)
    found = layer(image)
    reference = keras.layers.Conv2D(64, 3, strides=strides, padding="same", groups=32, use_bias=False)
    reference.build(image.shape)
    reference.set_weights(layer.get_weights())
    np.testing.assert_allclose(found, reference(image), atol=1e-5)


def test_tiny_cnn_has_the_layers_of_the_tutorials() -> None:
    arch = Architecture(family="tiny-cnn", size=64, channels=3, batch_norm=False, head="flatten")
    widths = [
        layer.filters if isinstance(layer, keras.layers.Conv2D) else layer.units
        for layer in builder.build(arch).layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)
    ]
    assert widths == [32, 64, 8, 3]


@pytest.fixture(scope="module")
def imagenet() -> keras.Model:
    keras.utils.set_random_seed(1)
    imagenet = keras.applications.VGG16(include_top=False, weights=None, input_shape=(64, 64, 3))
    for layer in imagenet.layers:
        if "conv" in layer.name:
            layer.bias.assign(keras.random.normal(layer.bias.shape, stddev=0.1, seed=2))
    return imagenet


@pytest.fixture
def notop(imagenet: keras.Model, tmp_path: Path) -> Path:
    """Write weights in the layout of the published `notop` file: layer / layer_W_1:0 and layer_b_1:0."""
    path = tmp_path / "vgg16_notop.h5"
    with h5py.File(path, "w") as file:
        for layer in imagenet.layers:
            group = file.create_group(layer.name)
            for suffix, values in zip(("W_1:0", "b_1:0"), layer.get_weights(), strict=False):
                group.create_dataset(f"{layer.name}_{suffix}", data=values)
    return path


@pytest.mark.parametrize("batch_norm", [False, True])
def test_imagenet_weights_give_the_features_of_keras(
    imagenet: keras.Model, notop: Path, batch_norm: bool
) -> None:
    arch = Architecture(size=64, channels=3, batch_norm=batch_norm)
    model = builder.build(arch)
    builder.load_imagenet(model, notop)
    image = np.random.default_rng(0).normal(0, 1, (1, 64, 64, 3)).astype(np.float32)
    features = keras.Model(model.input, model.get_layer("block5_pool").output)(image)
    expected = imagenet(image).numpy()
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_a_grey_network_with_imagenet_weights_equals_one_with_three_equal_channels(
    imagenet: keras.Model, notop: Path
) -> None:
    model = builder.build(Architecture(size=64, channels=1, batch_norm=False))
    builder.load_imagenet(model, notop)
    grey = np.random.default_rng(0).normal(0, 1, (1, 64, 64, 1)).astype(np.float32)
    features = keras.Model(model.input, model.get_layer("block5_pool").output)(grey)
    expected = imagenet(np.repeat(grey, 3, axis=3)).numpy()
    np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_a_weights_file_without_the_layers_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.create_group("dense")
    with pytest.raises(KeyError):
        builder.load_imagenet(builder.build(Architecture(size=64)), tmp_path / "other.h5")


def test_the_dtype_policy_is_restored() -> None:
    with builder.precision("mixed_bfloat16"):
        model = builder.build(Architecture(family="tiny-cnn", size=64))
    assert keras.config.dtype_policy().name == "float32"
    assert model.get_layer("conv1").compute_dtype == "bfloat16"
    assert model.get_layer("logits").compute_dtype == "float32"
