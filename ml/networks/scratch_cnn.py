"""A small VGG-like network (about 0.6 million weights) for training from scratch on few radiographs."""

from __future__ import annotations

from typing import Final

from keras import KerasTensor, layers

from ml.networks.blocks import convolution
from ml.records import Architecture

WIDTHS: Final = (16, 32, 64, 128, 128)
DENSE: Final = (64,)


def trunk(x: KerasTensor, arch: Architecture) -> KerasTensor:
    """Add five blocks of two convolutions, with max pooling between the blocks."""
    for block, filters in enumerate(WIDTHS, start=1):
        if block > 1:
            x = layers.MaxPooling2D(2, name=f"block{block - 1}_pool")(x)
        for number in (1, 2):
            x = convolution(x, filters, f"block{block}_conv{number}", batch_norm=arch.batch_norm)
    return x


def target_layer(arch: Architecture) -> str:
    """Return the name of the layer that Grad-CAM explains."""
    return feature_layers(arch)[-1]


def feature_layers(arch: Architecture) -> tuple[str, ...]:
    """Return the names of the layers of the out-of-distribution features, from texture to anatomy."""
    ending = "_relu" if arch.batch_norm else ""
    return tuple(f"block{block}_conv2{ending}" for block in (3, 4, 5))
