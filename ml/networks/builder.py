"""Construction of the Keras model of an `Architecture`; its output is the layer `logits`.

Softmax is never part of the model: gradients of probabilities mix the classes, so they are not Grad-CAM
(Selvaraju et al. 2017). If batch norm lies between a convolution and its ReLU, Grad-CAM uses the output of
the ReLU: this is the feature map that the next layers receive, as `block5_conv3` is in VGG16 without batch
norm.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from ml.networks import blocks, resnext50, scratch_cnn, tiny_cnn, vgg16
from ml.records import Architecture

FAMILIES: Final[dict[str, ModuleType]] = {
    "vgg16": vgg16,
    "scratch-cnn": scratch_cnn,
    "tiny-cnn": tiny_cnn,
    "resnext50": resnext50,
}


def build(arch: Architecture) -> keras.Model:
    """Return an untrained model; input (n, size, size, channels) float32, output (n, classes) logits."""
    family = FAMILIES[arch.family]
    image = keras.Input((arch.size, arch.size, arch.channels), name="image")
    features = family.trunk(image, arch)
    return keras.Model(image, blocks.head(features, arch, dense=family.DENSE), name=arch.family)


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Set a Keras dtype policy inside the context and restore the previous one after it."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def target_layer(arch: Architecture) -> str:
    """Return the name of the layer that Grad-CAM explains: the last convolution after its ReLU."""
    return str(FAMILIES[arch.family].target_layer(arch))


def feature_layers(arch: Architecture) -> tuple[str, ...]:
    """Return the names of the layers of the out-of-distribution features; the target layer is last."""
    return tuple(FAMILIES[arch.family].feature_layers(arch))


def load_imagenet(model: keras.Model, path: Path | None) -> None:
    """Load ImageNet convolutions into a VGG16 from a Keras `notop` h5 file, downloaded without a path.

    A grey input gets the sum of the three colour kernels, which equals the response to three equal channels.
    Raises KeyError if the file lacks a layer, ValueError if a shape does not fit.
    """
    weights = _downloaded_weights() if path is None else _stored_weights(path)
    for name in _convolutions():
        _set_weights(model, name, *weights[name])


def _convolutions() -> list[str]:
    return [f"block{b}_conv{n}" for b, (_, count) in enumerate(vgg16.BLOCKS, 1) for n in range(1, count + 1)]


def _downloaded_weights() -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    imagenet = keras.applications.VGG16(include_top=False, weights="imagenet")
    return {name: tuple(imagenet.get_layer(name).get_weights()) for name in _convolutions()}


def _stored_weights(path: Path) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    with h5py.File(path, "r") as file:
        return {name: _kernel_and_bias(file[name]) for name in _convolutions()}


def _kernel_and_bias(group: h5py.Group) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    arrays: list[NDArray[np.float32]] = []
    # Names inside the group differ between Keras releases; ranks do not.
    group.visititems(lambda _, item: arrays.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    kernel = next(array for array in arrays if array.ndim == 4)
    bias = next(array for array in arrays if array.ndim == 1)
    return kernel, bias


def _set_weights(
    model: keras.Model, name: str, kernel: NDArray[np.float32], bias: NDArray[np.float32]
) -> None:
    layer = model.get_layer(name)
    if layer.kernel.shape[2] == 1 and kernel.shape[2] == 3:
        kernel = kernel.sum(axis=2, keepdims=True)
    if layer.use_bias:
        layer.set_weights([kernel, bias])
        return
    layer.set_weights([kernel])
    norm = model.get_layer(f"{name}_bn")
    # This batch norm only adds the bias: scale 1, mean 0, variance plus epsilon 1.
    ones, zeros = np.ones_like(bias), np.zeros_like(bias)
    norm.set_weights([ones, bias, zeros, ones - np.float32(norm.epsilon)])
