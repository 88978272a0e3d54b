"""ResNeXt-50 32x4d (Xie et al. 2017): residual blocks whose 3x3 convolution runs in 32 groups.

Keras can differentiate `Conv2D(groups=32)` on a CPU only through XLA, which takes over ten times as long as
VGG16. Here one dense convolution with a kernel of zeros between the groups computes the same numbers.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from keras import KerasTensor, layers, ops

from ml.records import Architecture

CARDINALITY: Final = 32
STAGES: Final = ((128, 3), (256, 4), (512, 6), (1024, 3))  # width of the grouped convolution, blocks
DENSE: Final = ()


def trunk(x: KerasTensor, arch: Architecture) -> KerasTensor:
    """Add the stem and four stages, ending with the ReLU `stage4_block3_out`; always with batch norm."""
    x = layers.Conv2D(
        64, 7, strides=2, padding="same", use_bias=False, kernel_initializer="he_normal", name="stem_conv"
    )(x)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = layers.ReLU(name="stem_relu")(x)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)
    for stage, (width, count) in enumerate(STAGES, start=1):
        for block in range(1, count + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _block(x, width, f"stage{stage}_block{block}", strides=strides, project=block == 1)
    return x


def target_layer(arch: Architecture) -> str:
    """Return the name of the layer that Grad-CAM explains."""
    return feature_layers(arch)[-1]


def feature_layers(arch: Architecture) -> tuple[str, ...]:
    """Return the out-of-distribution feature layers: the ends of the last three stages."""
    return tuple(f"stage{stage}_block{STAGES[stage - 1][1]}_out" for stage in (2, 3, 4))


class GroupedConvolution(layers.Layer):
    """A 3x3 convolution in `CARDINALITY` groups, without bias; weights (3, 3, filters / groups, filters)."""

    def __init__(self, strides: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.strides = strides

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create the kernel for as many output as input channels."""
        filters = int(shape[-1] or 0)
        inner = filters // CARDINALITY
        self.kernel = self.add_weight(shape=(3, 3, inner, filters), initializer="he_normal", name="kernel")
        group = np.arange(filters) // inner
        self.same_group = (group[:, None] == group[None, :]).astype("float32")

    def call(self, x: KerasTensor) -> KerasTensor:
        """Convolve (n, h, w, filters)."""
        tiled = ops.tile(self.kernel, (1, 1, CARDINALITY, 1))
        kernel = tiled * ops.cast(self.same_group, tiled.dtype)
        return ops.conv(x, kernel, strides=self.strides, padding="same")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments of this layer."""
        return {**super().get_config(), "strides": self.strides}


def _block(x: KerasTensor, width: int, name: str, *, strides: int, project: bool) -> KerasTensor:
    shortcut = x
    if project:
        shortcut = _pointwise(x, 2 * width, f"{name}_shortcut", strides=strides)
    x = layers.ReLU(name=f"{name}_1_relu")(_pointwise(x, width, f"{name}_1"))
    x = GroupedConvolution(strides, name=f"{name}_2")(x)
    x = layers.ReLU(name=f"{name}_2_relu")(layers.BatchNormalization(name=f"{name}_2_bn")(x))
    # Each branch is initialised to zero (Goyal et al. 2017): sixteen random branches would sum to very large
    # logits.
    x = _pointwise(x, 2 * width, f"{name}_3", gamma="zeros")
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([shortcut, x]))


def _pointwise(
    x: KerasTensor, filters: int, name: str, *, strides: int = 1, gamma: str = "ones"
) -> KerasTensor:
    x = layers.Conv2D(filters, 1, strides=strides, use_bias=False, kernel_initializer="he_normal", name=name)(
        x
    )
    return layers.BatchNormalization(gamma_initializer=gamma, name=f"{name}_bn")(x)
