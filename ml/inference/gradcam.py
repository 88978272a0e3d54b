"""Grad-CAM (Selvaraju et al. 2017), HiResCAM (Draelos and Carin 2020) and LayerCAM on logits.

For class c with logit y_c and feature maps A^k of u x v cells:
    Grad-CAM   ReLU(sum_k a_k A^k) with a_k = mean over the cells of dy_c/dA^k
    HiResCAM   ReLU(sum_k dy_c/dA^k * A^k)
    LayerCAM   ReLU(sum_k ReLU(dy_c/dA^k) * A^k)
This is the one file that needs TensorFlow itself: Keras has no gradient with respect to an activation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ml.records import ClassMap

Method = Literal["grad-cam", "hirescam", "layercam"]
Pixels = NDArray[np.float32]


class RawExplanation(NamedTuple):
    """What one pass says of n images and c classes; the maps are not yet rectified."""

    logits: tf.Tensor  # (n, c)
    weights: tf.Tensor  # (n, c, k), Grad-CAM's a_k
    gradcam: tf.Tensor  # (n, c, u, v)
    hirescam: tf.Tensor  # (n, c, u, v)
    layercam: tf.Tensor  # (n, c, u, v)
    features: tf.Tensor  # (n, f), of several layers: each averaged over its cells, of unit length


@dataclass(frozen=True)
class Maps:
    """The answer for one image, as arrays."""

    logits: NDArray[np.float32]  # (c,)
    raw: dict[Method, NDArray[np.float32]]  # method -> (c, u, v), not rectified
    features: NDArray[np.float32]  # (f,)


def explainer(
    model: keras.Model, layer: str, *, describe: Sequence[str] = ()
) -> Callable[[tf.Tensor], RawExplanation]:
    """Trace one function from images (n, h, w, channels) to logits, the maps of all classes and features.

    `model` ends in logits; `layer` names the activation to explain, `describe` those whose averages are the
    features (`layer` alone if none is named).
    """
    target = model.get_layer(layer).output
    described = [model.get_layer(name).output for name in describe or (layer,)]
    trunk = keras.Model(model.input, [target, *described])
    head = keras.Model(target, model.output)
    classes = int(model.output.shape[-1])

    @tf.function(reduce_retracing=True)
    def answer(images: tf.Tensor) -> RawExplanation:
        # The trunk runs outside the tape: only the few layers after `layer` are differentiated.
        features, *described = trunk(images, training=False)
        count = tf.shape(features)[0]
        # Each image once per class: the gradient of the sum of own logits is every class's own gradient.
        copies = tf.repeat(features, classes, axis=0)
        own = tf.tile(tf.eye(classes), [count, 1])
        with tf.GradientTape() as tape:
            tape.watch(copies)
            logits = head(copies, training=False)
            score = tf.reduce_sum(tf.cast(logits, tf.float32) * own)
        gradients = tf.cast(tape.gradient(score, copies), tf.float32)
        maps = _maps(tf.cast(copies, tf.float32), gradients, classes)
        return RawExplanation(tf.cast(logits, tf.float32)[::classes], *maps, _averages(described))

    return answer


def _averages(layers: list[tf.Tensor]) -> tf.Tensor:
    means = [tf.reduce_mean(tf.cast(layer, tf.float32), axis=(1, 2)) for layer in layers]
    return tf.concat([tf.math.l2_normalize(mean, axis=-1) for mean in means], axis=-1)


def _maps(
    features: tf.Tensor, gradients: tf.Tensor, classes: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    weights = tf.reduce_mean(gradients, axis=(1, 2))
    gradcam = tf.einsum("nuvk,nk->nuv", features, weights)
    hirescam = tf.reduce_sum(gradients * features, axis=-1)
    layercam = tf.reduce_sum(tf.nn.relu(gradients) * features, axis=-1)

    def by_class(flat: tf.Tensor) -> tf.Tensor:
        return tf.reshape(flat, tf.concat([[-1, classes], tf.shape(flat)[1:]], axis=0))

    return (
        by_class(weights),
        by_class(gradcam),
        by_class(hirescam),
        by_class(layercam),
    )


def explain(answer: Callable[[tf.Tensor], RawExplanation], pixels: Pixels) -> Maps:
    """Run a traced explainer on one prepared image (h, w, channels)."""
    found = answer(tf.constant(pixels[None]))
    return Maps(
        logits=found.logits.numpy()[0],
        raw={
            "grad-cam": found.gradcam.numpy()[0],
            "hirescam": found.hirescam.numpy()[0],
            "layercam": found.layercam.numpy()[0],
        },
        features=found.features.numpy()[0],
    )


def class_map(raw: NDArray[np.float32]) -> ClassMap:
    """Rectify one raw map (u, v); where nothing speaks for the class it is all zeros, and says so."""
    grid = np.maximum(raw, 0).astype(np.float32)
    largest = float(grid.max())
    # Written as 'not above' so that a NaN counts as no evidence instead of spreading into a picture.
    if not largest > 0:
        return ClassMap(np.zeros_like(grid), 0.0, no_positive_evidence=True)
    return ClassMap(grid, largest, no_positive_evidence=False)
