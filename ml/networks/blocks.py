"""Blocks that several families share: a convolution with its activation, and the head."""

from __future__ import annotations

from keras import KerasTensor, layers

from ml.records import Architecture


def convolution(x: KerasTensor, filters: int, name: str, *, batch_norm: bool) -> KerasTensor:
    """Add a 3x3 convolution and its ReLU, with batch norm between them if `batch_norm`."""
    if not batch_norm:
        # The ReLU is part of the layer as in keras.applications, so that ImageNet weights load by name.
        return layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=name
        )(x)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=name)(
        x
    )
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def head(x: KerasTensor, arch: Architecture, *, dense: tuple[int, ...]) -> KerasTensor:
    """Add pooling, or the hidden layers `dense`, and the layer `logits`: (n, classes), without softmax."""
    if arch.head == "gap":
        x = layers.GlobalAveragePooling2D(name="gap")(x)
        x = layers.Dropout(arch.dropout, name="dropout")(x)
    else:
        x = layers.Flatten(name="flatten")(x)
        for number, units in enumerate(dense, start=1):
            x = layers.Dense(units, activation="relu", kernel_initializer="he_normal", name=f"fc{number}")(x)
            x = layers.Dropout(arch.dropout, name=f"dropout{number}")(x)
    # float32 also under a mixed policy: probabilities and gradients are computed from the logits.
    return layers.Dense(len(arch.classes), name="logits", dtype="float32")(x)
