"""The CNN of many tutorials, two convolutions and a hidden layer of eight units; a baseline."""

from __future__ import annotations

from typing import Final

from keras import KerasTensor, layers

from ml.networks.blocks import convolution
from ml.records import Architecture

WIDTHS: Final = (32, 64)
DENSE: Final = (8,)


def trunk(x: KerasTensor, arch: Architecture) -> KerasTensor:
    """Add two convolutions, each followed by max pooling."""
    for number, filters in enumerate(WIDTHS, start=1):
        x = convolution(x, filters, f"conv{number}", batch_norm=arch.batch_norm)
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    return x


def target_layer(arch: Architecture) -> str:
    """Return the name of the layer that Grad-CAM explains."""
    return feature_layers(arch)[-1]


def feature_layers(arch: Architecture) -> tuple[str, ...]:
    """Return the names of the layers of the out-of-distribution features."""
    ending = "_relu" if arch.batch_norm else ""
    return (f"conv1{ending}", f"conv2{ending}")
