"""Grad-CAM (Selvaraju et al. 2017), HiResCAM (Draelos and Carin 2020) and LayerCAM on logits.

For class c with logit y_c and feature maps A^k of u x v cells:
    Grad-CAM   ReLU(sum_k a_k A^k) with a_k = mean over the cells of dy_c/dA^k
    HiResCAM   ReLU(sum_k dy_c/dA^k * A^k)
    LayerCAM   ReLU(sum_k ReLU(dy_c/dA^k) * A^k)
This module uses TensorFlow directly: Keras has no gradient with respect to an activation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ml.inference.class_maps import class_map

__all__ = [
    "ImageExplanation",
    "Method",
    "RawExplanation",
    "build_explainer",
    "class_map",
    "explain",
    "maps_of_class",
]

Method = Literal["grad-cam", "hirescam", "layercam"]
Pixels = NDArray[np.float32]


class RawExplanation(NamedTuple):
    """Result of one forward and backward pass for n images and c classes; the maps are not rectified."""

    logits: tf.Tensor  # (n, c)
    weights: tf.Tensor  # (n, c, k), Grad-CAM's a_k
    gradcam: tf.Tensor  # (n, c, u, v)
    hirescam: tf.Tensor  # (n, c, u, v)
    layercam: tf.Tensor  # (n, c, u, v)
    features: tf.Tensor  # (n, f), of several layers: each averaged over its cells, of unit length


@dataclass(frozen=True)
class ImageExplanation:
    """The same result for one image, as arrays."""

    logits: NDArray[np.float32]  # (c,)
    raw: dict[Method, NDArray[np.float32]]  # method -> (c, u, v), not rectified
    features: NDArray[np.float32]  # (f,)


def build_explainer(
    model: keras.Model, layer: str, *, feature_layers: Sequence[str] = ()
) -> Callable[[tf.Tensor], RawExplanation]:
    """Return a traced function from images (n, h, w, channels) to logits, class maps and features.

    The output of `model` must be logits. `layer` is the activation to explain; the averages of
    `feature_layers` are the features, of `layer` alone if there are none. Raises ValueError for an unknown
    layer.
    """
    target = model.get_layer(layer).output
    averaged = [model.get_layer(name).output for name in feature_layers or (layer,)]
    trunk = keras.Model(model.input, [target, *averaged])
    head = keras.Model(target, model.output)
    classes = int(model.output.shape[-1])

    @tf.function(reduce_retracing=True)
    def explain_batch(images: tf.Tensor) -> RawExplanation:
        # The trunk runs outside the tape: only the few layers after `layer` are differentiated.
        activations, *averaged = trunk(images, training=False)
        count = tf.shape(activations)[0]
        # One copy of an image for each class: the gradient of the sum of the copies' own logits is, for each
        # copy, the gradient of its class.
        copies = tf.repeat(activations, classes, axis=0)
        own = tf.tile(tf.eye(classes), [count, 1])
        with tf.GradientTape() as tape:
            tape.watch(copies)
            logits = head(copies, training=False)
            score = tf.reduce_sum(tf.cast(logits, tf.float32) * own)
        gradients = tf.cast(tape.gradient(score, copies), tf.float32)
        maps = _maps(tf.cast(copies, tf.float32), gradients, classes)
        return RawExplanation(tf.cast(logits, tf.float32)[::classes], *maps, _averages(averaged))

    return explain_batch


def _averages(layers: list[tf.Tensor]) -> tf.Tensor:
    means = [tf.reduce_mean(tf.cast(layer, tf.float32), axis=(1, 2)) for layer in layers]
    return tf.concat([tf.math.l2_normalize(mean, axis=-1) for mean in means], axis=-1)


def _maps(
    activations: tf.Tensor, gradients: tf.Tensor, classes: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    weights = tf.reduce_mean(gradients, axis=(1, 2))
    gradcam = tf.einsum("nuvk,nk->nuv", activations, weights)
    hirescam = tf.reduce_sum(gradients * activations, axis=-1)
    layercam = tf.reduce_sum(tf.nn.relu(gradients) * activations, axis=-1)

    def by_class(flat: tf.Tensor) -> tf.Tensor:
        return tf.reshape(flat, tf.concat([[-1, classes], tf.shape(flat)[1:]], axis=0))

    return (
        by_class(weights),
        by_class(gradcam),
        by_class(hirescam),
        by_class(layercam),
    )


def explain(explain_batch: Callable[[tf.Tensor], RawExplanation], pixels: Pixels) -> ImageExplanation:
    """Run a traced explainer on one network input (h, w, channels)."""
    result = explain_batch(tf.constant(pixels[None]))
    return ImageExplanation(
        logits=result.logits.numpy()[0],
        raw={
            "grad-cam": result.gradcam.numpy()[0],
            "hirescam": result.hirescam.numpy()[0],
            "layercam": result.layercam.numpy()[0],
        },
        features=result.features.numpy()[0],
    )


def maps_of_class(
    explain_batch: Callable[[tf.Tensor], RawExplanation], pixels: Pixels, class_index: int, method: Method
) -> NDArray[np.float32]:
    """Run a traced explainer on inputs (n, h, w, channels) and return the maps of one class, (n, u, v)."""
    result = explain_batch(tf.constant(pixels))
    maps = {"grad-cam": result.gradcam, "hirescam": result.hirescam, "layercam": result.layercam}
    chosen: NDArray[np.float32] = maps[method].numpy()[:, class_index]
    return chosen
