"""A network's twin for training: the same weights, any input size, reduced precision, fused batch norm.

What differs between Keras' backends and between machines is here alone: TensorFlow on a processor gets its
fused batch norm, every other backend and a GPU Keras' own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import keras

from ml.recipes import Precision
from ml.records import Architecture

# Keras' 0.99 remembers the untrained net for hundreds of steps, more than a small hospital's training has.
MOMENTUM: Final = 0.95
CPU_FLAGS: Final = Path("/proc/cpuinfo")
BFLOAT16_FROM: Final = (8, 0)  # compute capability; older GPUs multiply fast in float16 alone


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch norm whose training step is one fused operation: a fifth of the whole time saved."""

    def add_weight(self, *shape: Any, **options: Any) -> Any:
        """Create a weight that stays float32 under a mixed policy, as the fused operation needs."""
        return super().add_weight(*shape, **{**options, "autocast": False})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise (n, h, w, c); outside training, and when frozen, as Keras does."""
        if not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf  # this layer is built under TensorFlow only

        normal, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        self.moving_mean.assign(self._moved(self.moving_mean, mean))
        self.moving_variance.assign(self._moved(self.moving_variance, variance))
        return normal

    def _moved(self, old: Any, new: Any) -> Any:
        return old * self.momentum + new * (1 - self.momentum)


def fastest_precision() -> Precision:
    """Return what this machine multiplies fastest in: a GPU's half precision, a processor's bfloat16.

    A processor without bfloat16 instructions gets float32.
    """
    if capability := gpu_capability():
        return "mixed_bfloat16" if capability >= BFLOAT16_FROM else "mixed_float16"
    try:
        flags = set(CPU_FLAGS.read_text(encoding="utf-8").split())
    except OSError:
        return "float32"
    return "mixed_bfloat16" if flags & {"avx512_bf16", "amx_bf16"} else "float32"


def gpu_capability() -> tuple[int, int] | None:
    """Return the compute capability of the GPU that Keras' backend uses; None without one."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _tensorflow_gpu()
    if backend == "jax":
        import jax  # type: ignore[import-not-found] # no part of this house, yet it can train here

        if jax.devices()[0].platform != "gpu":
            return None
        major, _, minor = str(jax.devices()[0].compute_capability).partition(".")
        return int(major), int(minor or 0)
    if backend == "torch":
        import torch  # type: ignore[import-not-found]

        return torch.cuda.get_device_capability() if torch.cuda.is_available() else None
    return None


def _tensorflow_gpu() -> tuple[int, int] | None:
    import tensorflow as tf

    for device in tf.config.list_physical_devices("GPU"):
        major, minor = tf.config.experimental.get_device_details(device).get("compute_capability", (0, 0))
        return int(major), int(minor)
    return None


def training_copy_of(model: keras.Model, arch: Architecture, precision: Precision) -> keras.Model:
    """Build a net of the same layers; its weights stand in the same order, so either can fill the other."""
    side = arch.size if arch.head == "flatten" else None
    image = keras.Input((side, side, arch.channels), name="image")
    fused = keras.backend.backend() == "tensorflow" and gpu_capability() is None

    def layer(original: keras.layers.Layer) -> keras.layers.Layer:
        settings = original.get_config()
        if original.name != "logits":  # the loss is computed in float32 whatever the precision
            settings["dtype"] = precision
        kind = type(original)
        if kind is keras.layers.BatchNormalization:
            settings["momentum"] = MOMENTUM
            kind = FusedBatchNormalization if fused else kind
        return kind.from_config(settings)

    twin = keras.models.clone_model(model, input_tensors=image, clone_function=layer)
    twin.set_weights(model.get_weights())
    return twin
