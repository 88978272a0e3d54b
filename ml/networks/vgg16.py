"""VGG16 (Simonyan and Zisserman 2015): thirteen 3x3 convolutions in five blocks, named as in Keras."""

from __future__ import annotations

from typing import Final

from keras import KerasTensor, layers

from ml.networks.blocks import convolution
from ml.records import Architecture

BLOCKS: Final = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # filters, convolutions
DENSE: Final = (4096, 4096)  # hidden layers of the paper, for the head `flatten`


def trunk(x: KerasTensor, arch: Architecture) -> KerasTensor:
    """Add the five blocks, `block1_conv1` to `block5_pool`."""
    for block, (filters, count) in enumerate(BLOCKS, start=1):
        for number in range(1, count + 1):
            x = convolution(x, filters, f"block{block}_conv{number}", batch_norm=arch.batch_norm)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    return x


def target_layer(arch: Architecture) -> str:
    """Return the name of the layer that Grad-CAM explains."""
    return feature_layers(arch)[-1]


def feature_layers(arch: Architecture) -> tuple[str, ...]:
    """Return the names of the layers of the out-of-distribution features, from texture to anatomy."""
    ending = "_relu" if arch.batch_norm else ""
    return tuple(f"block{block}_conv3{ending}" for block in (3, 4, 5))
