"""The one network builder: an `Architecture` becomes a Keras model whose output is the layer `logits`.

Softmax is never part of the model: gradients of probabilities are no Grad-CAM (they mix the classes).
Where batch norm lies between a convolution and its ReLU, Grad-CAM reads the ReLU's output: that is the
feature map the following layers really see (post-ReLU, as `block5_conv3` is in plain VGG16), while the
bare convolution still lacks its scale, its shift and its rectification.
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
    """Build an untrained net; input (n, size, size, channels) float32, output (n, classes) logits."""
    family = FAMILIES[arch.family]
    image = keras.Input((arch.size, arch.size, arch.channels), name="image")
    features = family.trunk(image, arch)
    return keras.Model(image, blocks.head(features, arch, dense=family.DENSE), name=arch.family)


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Build under a Keras dtype policy, whatever the process had set, and put that one back."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def target_layer(arch: Architecture) -> str:
    """Name the layer whose activation Grad-CAM reads: the last convolution after its ReLU."""
    return str(FAMILIES[arch.family].target(arch))


def feature_layers(arch: Architecture) -> tuple[str, ...]:
    """Name the layers whose averages tell how unlike a radiograph is; the last one is the target layer."""
    return tuple(FAMILIES[arch.family].depths(arch))


def load_imagenet(model: keras.Model, path: Path | None) -> None:
    """Put ImageNet's VGG16 convolutions into `model`, from Keras' `notop` h5 file or its download.

    A grey input gets the sum of the three colour kernels, which is what equal channels would give.
    Raises KeyError if the file lacks a layer, ValueError if a shape does not fit.
    """
    kernels = _downloaded() if path is None else _stored(path)
    for name in _convolutions():
        _fill(model, name, *kernels[name])


def _convolutions() -> list[str]:
    return [f"block{b}_conv{n}" for b, (_, count) in enumerate(vgg16.BLOCKS, 1) for n in range(1, count + 1)]


def _downloaded() -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    donor = keras.applications.VGG16(include_top=False, weights="imagenet")
    return {name: tuple(donor.get_layer(name).get_weights()) for name in _convolutions()}


def _stored(path: Path) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    with h5py.File(path, "r") as file:
        return {name: _kernel_and_bias(file[name]) for name in _convolutions()}


def _kernel_and_bias(group: h5py.Group) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    found: list[NDArray[np.float32]] = []
    # Names inside the group differ between Keras releases; ranks do not.
    group.visititems(lambda _, item: found.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    kernel = next(array for array in found if array.ndim == 4)
    bias = next(array for array in found if array.ndim == 1)
    return kernel, bias


def _fill(model: keras.Model, name: str, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
    layer = model.get_layer(name)
    if layer.kernel.shape[2] == 1 and kernel.shape[2] == 3:
        kernel = kernel.sum(axis=2, keepdims=True)
    if layer.use_bias:
        layer.set_weights([kernel, bias])
        return
    layer.set_weights([kernel])
    norm = model.get_layer(f"{name}_bn")
    # A batch norm that changes nothing but adds the bias: unit scale, mean 0, variance 1 with epsilon.
    ones, zeros = np.ones_like(bias), np.zeros_like(bias)
    norm.set_weights([ones, bias, zeros, ones - np.float32(norm.epsilon)])
