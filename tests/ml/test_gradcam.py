"""Grad-CAM, HiResCAM and LayerCAM, compared with numbers worked out by hand and with another library."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from numpy.typing import ArrayLike, NDArray

from ml.inference import gradcam
from ml.networks import builder
from ml.records import Architecture
from tests.radiographs import radiograph_grey

pytestmark = pytest.mark.network

A1: ArrayLike = [[1, 2], [3, 4]]
A2: ArrayLike = [[4, 3], [2, 1]]
FIRST_HEAD: ArrayLike = [[1.0, -0.5], [-1.0, 1.0]]  # weight of map k for class c


def head_only(
    maps: Sequence[ArrayLike], weights: ArrayLike, *, flatten: bool = False
) -> gradcam.ImageExplanation:
    """Explain a network with given feature maps: identity layer, then pooling or flattening, then dense."""
    features = np.stack([np.asarray(m, np.float32) for m in maps], axis=-1)
    image = keras.Input(features.shape)
    x = keras.layers.Activation("linear", name="target")(image)
    x = keras.layers.Flatten()(x) if flatten else keras.layers.GlobalAveragePooling2D()(x)
    kernel = np.asarray(weights, np.float32)
    logits = keras.layers.Dense(kernel.shape[1], name="logits")(x)
    model = keras.Model(image, logits)
    model.get_layer("logits").set_weights([kernel, np.zeros(kernel.shape[1], np.float32)])
    return gradcam.explain(gradcam.build_explainer(model, "target"), features)


def shares(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    found = gradcam.class_map(raw)
    return found.grid / found.raw_max


def test_gradcam_of_a_pooled_head_is_the_rectified_class_activation_map() -> None:
    found = head_only([A1, A2], FIRST_HEAD)
    first, second = (gradcam.class_map(raw) for raw in found.raw["grad-cam"])
    np.testing.assert_allclose(found.logits, [0, 1.25], atol=1e-6)
    np.testing.assert_allclose(first.grid, [[0.0, 0.0], [0.25, 0.75]], atol=1e-6)
    np.testing.assert_allclose(second.grid, [[0.875, 0.5], [0.125, 0.0]], atol=1e-6)
    np.testing.assert_allclose(shares(found.raw["grad-cam"][0]), [[0.0, 0.0], [1 / 3, 1.0]], atol=1e-6)
    np.testing.assert_allclose(shares(found.raw["grad-cam"][1]), [[1.0, 4 / 7], [1 / 7, 0.0]], atol=1e-6)


def test_the_unrectified_map_sums_to_the_logit() -> None:
    found = head_only([A1, A2], FIRST_HEAD)
    np.testing.assert_allclose(found.raw["grad-cam"].sum(axis=(1, 2)), [0, 1.25], atol=1e-6)


def test_the_map_is_not_that_of_the_softmax_output() -> None:
    found = head_only([A1, A2], FIRST_HEAD)
    assert shares(found.raw["grad-cam"][0])[1, 0] == pytest.approx(1 / 3, abs=1e-6)
    assert abs(shares(found.raw["grad-cam"][0])[1, 0] - 0.125) > 0.2  # the value for gradients of the softmax


def test_hirescam_differs_from_gradcam_where_gradients_cancel() -> None:
    found = head_only([[[1, 0], [0, 2]]], [[2], [-1], [-1], [-1]], flatten=True)
    averaged = gradcam.class_map(found.raw["grad-cam"][0])
    assert averaged.no_positive_evidence
    assert not averaged.grid.any()
    np.testing.assert_allclose(found.raw["hirescam"][0], [[2, 0], [0, -2]], atol=1e-6)
    np.testing.assert_allclose(gradcam.class_map(found.raw["hirescam"][0]).grid, [[2, 0], [0, 0]], atol=1e-6)
    assert found.logits[0] == pytest.approx(0, abs=1e-6)


def test_layercam_uses_only_cells_with_a_positive_gradient() -> None:
    found = head_only([[[1, 0], [0, 2]]], [[2], [-1], [-1], [-1]], flatten=True)
    np.testing.assert_allclose(found.raw["layercam"][0], [[2, 0], [0, 0]], atol=1e-6)


def test_a_map_without_evidence_is_zero_and_marked() -> None:
    found = head_only([np.zeros((2, 2)), A2], FIRST_HEAD)
    empty = gradcam.class_map(found.raw["grad-cam"][0])
    assert empty.no_positive_evidence
    assert empty.raw_max == 0
    np.testing.assert_array_equal(empty.grid, np.zeros((2, 2)))


def test_a_map_of_nan_counts_as_no_evidence() -> None:
    found = gradcam.class_map(np.full((2, 2), np.nan, np.float32))
    assert found.no_positive_evidence
    assert np.isfinite(found.grid).all()


@pytest.fixture(scope="module")
def vgg16() -> keras.Model:
    keras.utils.set_random_seed(4)
    model = builder.build(Architecture(channels=3, batch_norm=False))
    model.get_layer("logits").bias.assign([0.5, -1.0, 2.0])
    return model


@pytest.fixture(scope="module")
def image() -> NDArray[np.float32]:
    return np.random.default_rng(4).normal(0, 1, (224, 224, 3)).astype(np.float32)


@pytest.mark.parametrize(("layer", "cells"), [("block5_pool", 49), ("block5_conv3", 196)])
def test_the_weights_of_a_pooled_vgg16_are_its_dense_kernel(
    vgg16: keras.Model, image: NDArray[np.float32], layer: str, cells: int
) -> None:
    result = gradcam.build_explainer(vgg16, layer)(tf.constant(image[None]))
    kernel = vgg16.get_layer("logits").kernel.numpy()
    np.testing.assert_allclose(result.weights.numpy()[0].T * cells, kernel, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("layer", ["block5_pool", "block5_conv3"])
def test_hirescam_sums_to_the_logit_less_its_bias(
    vgg16: keras.Model, image: NDArray[np.float32], layer: str
) -> None:
    found = gradcam.explain(gradcam.build_explainer(vgg16, layer), image)
    expected = vgg16(image[None]).numpy()[0] - [0.5, -1.0, 2.0]
    np.testing.assert_allclose(found.raw["hirescam"].sum(axis=(1, 2)), expected, rtol=1e-4)


def test_a_constant_added_to_all_logits_changes_no_map(
    vgg16: keras.Model, image: NDArray[np.float32]
) -> None:
    explain_batch = gradcam.build_explainer(vgg16, "block5_conv3")
    before = gradcam.explain(explain_batch, image)
    bias = vgg16.get_layer("logits").bias
    bias.assign_add([7.0, 7.0, 7.0])
    after = gradcam.explain(explain_batch, image)
    bias.assign_sub([7.0, 7.0, 7.0])
    np.testing.assert_allclose(after.logits - before.logits, 7, rtol=1e-4)
    np.testing.assert_allclose(after.raw["grad-cam"], before.raw["grad-cam"], atol=1e-6)


def test_a_tripled_head_triples_the_map() -> None:
    once = head_only([A1, A2], FIRST_HEAD).raw["grad-cam"][1]
    thrice = head_only([A1, A2], np.array(FIRST_HEAD) * 3).raw["grad-cam"][1]
    np.testing.assert_allclose(thrice, once * 3, atol=1e-6)
    np.testing.assert_allclose(shares(thrice), shares(once), atol=1e-6)


def test_another_head_gives_another_map() -> None:
    keras.utils.set_random_seed(12)
    arch = Architecture(family="scratch-cnn", size=128)
    model = builder.build(arch)
    explain_batch = gradcam.build_explainer(model, builder.target_layer(arch))
    radiographs = [
        radiograph_grey(seed, (128, 128)).astype(np.float32)[..., None] * 4 - 2 for seed in range(20)
    ]
    before = [gradcam.explain(explain_batch, radiograph).raw["grad-cam"][0] for radiograph in radiographs]
    kernel = model.get_layer("logits").kernel
    kernel.assign(keras.random.normal(kernel.shape, stddev=0.1, seed=99))
    after = [gradcam.explain(explain_batch, radiograph).raw["grad-cam"][0] for radiograph in radiographs]
    correlations = [
        scipy.stats.spearmanr(a, b, axis=None).statistic for a, b in zip(before, after, strict=True)
    ]
    assert np.median(correlations) < 0.5


def test_a_batch_is_explained_like_its_images_one_by_one(vgg16: keras.Model) -> None:
    images = np.random.default_rng(5).normal(0, 1, (2, 224, 224, 3)).astype(np.float32)
    explain_batch = gradcam.build_explainer(vgg16, "block5_conv3")
    together = explain_batch(tf.constant(images))
    for number, image in enumerate(images):
        alone = gradcam.explain(explain_batch, image)
        np.testing.assert_allclose(together.logits[number], alone.logits, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(together.gradcam[number], alone.raw["grad-cam"], rtol=1e-3, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Please import `zoom`:DeprecationWarning")
def test_the_map_equals_that_of_tf_keras_vis(vgg16: keras.Model, image: NDArray[np.float32]) -> None:
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    dense = keras.layers.Dense(3, activation="softmax", name="predictions")
    with_softmax = keras.Model(vgg16.input, dense(vgg16.get_layer("gap").output))
    dense.set_weights(vgg16.get_layer("logits").get_weights())
    reference = Gradcam(with_softmax, model_modifier=ReplaceToLinear())
    found = gradcam.explain(gradcam.build_explainer(vgg16, "block5_conv3"), image)
    for number in range(3):
        expected = reference(
            CategoricalScore(number),
            image[None],
            penultimate_layer="block5_conv3",
            expand_cam=False,
            normalize_cam=False,
        )
        actual = gradcam.class_map(found.raw["grad-cam"][number]).grid
        np.testing.assert_allclose(actual, np.asarray(expected)[0], rtol=1e-3, atol=1e-5)
