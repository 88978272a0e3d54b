"""Golden numbers of Grad-CAM, worked out by hand or by another library."""

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
    """Explain a net whose feature maps are given: identity layer, then pooling or flattening, then dense."""
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


def test_g1_gradcam_of_a_pooled_head_is_the_rectified_class_activation_map() -> None:
    found = head_only([A1, A2], FIRST_HEAD)
    first, second = (gradcam.class_map(raw) for raw in found.raw["grad-cam"])
    np.testing.assert_allclose(found.logits, [0, 1.25], atol=1e-6)
    np.testing.assert_allclose(first.grid, [[0.0, 0.0], [0.25, 0.75]], atol=1e-6)
    np.testing.assert_allclose(second.grid, [[0.875, 0.5], [0.125, 0.0]], atol=1e-6)
    np.testing.assert_allclose(shares(found.raw["grad-cam"][0]), [[0.0, 0.0], [1 / 3, 1.0]], atol=1e-6)
    np.testing.assert_allclose(shares(found.raw["grad-cam"][1]), [[1.0, 4 / 7], [1 / 7, 0.0]], atol=1e-6)


def test_g1_the_unrectified_map_sums_to_the_logit() -> None:
    found = head_only([A1, A2], FIRST_HEAD)
    np.testing.assert_allclose(found.raw["grad-cam"].sum(axis=(1, 2)), [0, 1.25], atol=1e-6)


def test_g2_the_map_is_not_that_of_the_softmax_output() -> None:
    found = head_only([A1, A2], FIRST_HEAD)
    assert shares(found.raw["grad-cam"][0])[1, 0] == pytest.approx(1 / 3, abs=1e-6)
    assert abs(shares(found.raw["grad-cam"][0])[1, 0] - 0.125) > 0.2  # the softmax trap's number


def test_g3_hirescam_sees_what_gradcam_averages_away() -> None:
    found = head_only([[[1, 0], [0, 2]]], [[2], [-1], [-1], [-1]], flatten=True)
    averaged = gradcam.class_map(found.raw["grad-cam"][0])
    assert averaged.no_positive_evidence
    assert not averaged.grid.any()
    np.testing.assert_allclose(found.raw["hirescam"][0], [[2, 0], [0, -2]], atol=1e-6)
    np.testing.assert_allclose(gradcam.class_map(found.raw["hirescam"][0]).grid, [[2, 0], [0, 0]], atol=1e-6)
    assert found.logits[0] == pytest.approx(0, abs=1e-6)


def test_layercam_keeps_only_cells_whose_own_gradient_is_above_zero() -> None:
    found = head_only([[[1, 0], [0, 2]]], [[2], [-1], [-1], [-1]], flatten=True)
    np.testing.assert_allclose(found.raw["layercam"][0], [[2, 0], [0, 0]], atol=1e-6)


def test_g6_no_evidence_gives_zeros_and_says_so() -> None:
    found = head_only([np.zeros((2, 2)), A2], FIRST_HEAD)
    empty = gradcam.class_map(found.raw["grad-cam"][0])
    assert empty.no_positive_evidence
    assert empty.raw_max == 0
    np.testing.assert_array_equal(empty.grid, np.zeros((2, 2)))


def test_g6_a_map_of_nan_counts_as_no_evidence() -> None:
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
def picture() -> NDArray[np.float32]:
    return np.random.default_rng(4).normal(0, 1, (224, 224, 3)).astype(np.float32)


@pytest.mark.parametrize(("layer", "cells"), [("block5_pool", 49), ("block5_conv3", 196)])
def test_g4_the_weights_of_a_pooled_vgg16_are_its_dense_kernel(
    vgg16: keras.Model, picture: NDArray[np.float32], layer: str, cells: int
) -> None:
    answer = gradcam.build_explainer(vgg16, layer)(tf.constant(picture[None]))
    kernel = vgg16.get_layer("logits").kernel.numpy()
    np.testing.assert_allclose(answer.weights.numpy()[0].T * cells, kernel, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("layer", ["block5_pool", "block5_conv3"])
def test_g5_hirescam_sums_to_the_logit_less_its_bias(
    vgg16: keras.Model, picture: NDArray[np.float32], layer: str
) -> None:
    found = gradcam.explain(gradcam.build_explainer(vgg16, layer), picture)
    expected = vgg16(picture[None]).numpy()[0] - [0.5, -1.0, 2.0]
    np.testing.assert_allclose(found.raw["hirescam"].sum(axis=(1, 2)), expected, rtol=1e-4)


def test_g7_a_constant_on_all_logits_changes_no_map(vgg16: keras.Model, picture: NDArray[np.float32]) -> None:
    answer = gradcam.build_explainer(vgg16, "block5_conv3")
    before = gradcam.explain(answer, picture)
    bias = vgg16.get_layer("logits").bias
    bias.assign_add([7.0, 7.0, 7.0])
    after = gradcam.explain(answer, picture)
    bias.assign_sub([7.0, 7.0, 7.0])
    np.testing.assert_allclose(after.logits - before.logits, 7, rtol=1e-4)
    np.testing.assert_allclose(after.raw["grad-cam"], before.raw["grad-cam"], atol=1e-6)


def test_g7_a_tripled_head_triples_the_map_and_keeps_its_shape() -> None:
    once = head_only([A1, A2], FIRST_HEAD).raw["grad-cam"][1]
    thrice = head_only([A1, A2], np.array(FIRST_HEAD) * 3).raw["grad-cam"][1]
    np.testing.assert_allclose(thrice, once * 3, atol=1e-6)
    np.testing.assert_allclose(shares(thrice), shares(once), atol=1e-6)


def test_g12_another_head_gives_another_map() -> None:
    keras.utils.set_random_seed(12)
    arch = Architecture(family="scratch-cnn", size=128)
    model = builder.build(arch)
    answer = gradcam.build_explainer(model, builder.target_layer(arch))
    radiographs = [
        radiograph_grey(seed, (128, 128)).astype(np.float32)[..., None] * 4 - 2 for seed in range(20)
    ]
    before = [gradcam.explain(answer, radiograph).raw["grad-cam"][0] for radiograph in radiographs]
    kernel = model.get_layer("logits").kernel
    kernel.assign(keras.random.normal(kernel.shape, stddev=0.1, seed=99))
    after = [gradcam.explain(answer, radiograph).raw["grad-cam"][0] for radiograph in radiographs]
    likeness = [scipy.stats.spearmanr(a, b, axis=None).statistic for a, b in zip(before, after, strict=True)]
    assert np.median(likeness) < 0.5


def test_all_classes_of_a_batch_are_explained_as_they_are_one_by_one(vgg16: keras.Model) -> None:
    images = np.random.default_rng(5).normal(0, 1, (2, 224, 224, 3)).astype(np.float32)
    answer = gradcam.build_explainer(vgg16, "block5_conv3")
    together = answer(tf.constant(images))
    for number, image in enumerate(images):
        alone = gradcam.explain(answer, image)
        np.testing.assert_allclose(together.logits[number], alone.logits, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(together.gradcam[number], alone.raw["grad-cam"], rtol=1e-3, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Please import `zoom`:DeprecationWarning")
def test_tf_keras_vis_draws_the_same_map(vgg16: keras.Model, picture: NDArray[np.float32]) -> None:
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    dense = keras.layers.Dense(3, activation="softmax", name="predictions")
    usual = keras.Model(vgg16.input, dense(vgg16.get_layer("gap").output))
    dense.set_weights(vgg16.get_layer("logits").get_weights())
    theirs = Gradcam(usual, model_modifier=ReplaceToLinear())
    found = gradcam.explain(gradcam.build_explainer(vgg16, "block5_conv3"), picture)
    for number in range(3):
        expected = theirs(
            CategoricalScore(number),
            picture[None],
            penultimate_layer="block5_conv3",
            expand_cam=False,
            normalize_cam=False,
        )
        ours = gradcam.class_map(found.raw["grad-cam"][number]).grid
        np.testing.assert_allclose(ours, np.asarray(expected)[0], rtol=1e-3, atol=1e-5)
