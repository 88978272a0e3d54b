"""The naive CNN of many tutorials: two convolutions, a hidden layer of eight; kept as a yardstick."""

from __future__ import annotations

from typing import Final

from keras import KerasTensor, layers

from ml.networks.blocks import convolution
from ml.records import Architecture

WIDTHS: Final = (32, 64)
DENSE: Final = (8,)


def trunk(x: KerasTensor, arch: Architecture) -> KerasTensor:
    """Add two convolutions, each followed by its pool."""
    for number, filters in enumerate(WIDTHS, start=1):
        x = convolution(x, filters, f"conv{number}", batch_norm=arch.batch_norm)
        x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    return x


def target(arch: Architecture) -> str:
    """Name the layer whose activation Grad-CAM reads."""
    return depths(arch)[-1]


def depths(arch: Architecture) -> tuple[str, ...]:
    """Name the activations that out_of_distribution reads."""
    ending = "_relu" if arch.batch_norm else ""
    return (f"conv1{ending}", f"conv2{ending}")
