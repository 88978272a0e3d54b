"""Copy of a network in another precision: the same weights, any input size, fused batch norm.

Training and the trust report compute with such copies. All differences between the backends of Keras and
between hosts are in this module: TensorFlow on a CPU uses its fused batch norm; other backends, and GPUs,
use the batch norm of Keras.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import keras

from ml.recipes import Precision
from ml.records import Architecture

# With the default of Keras, 0.99, the untrained statistics last for hundreds of steps, longer than small
# trainings.
MOMENTUM: Final = 0.95
CPU_INFO: Final = Path("/proc/cpuinfo")
MIN_BFLOAT16_GPU: Final = (8, 0)  # compute capability; older GPUs are fast in float16 only


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch norm whose training step is one fused operation, which saves a fifth of the training time."""

    def add_weight(self, *shape: Any, **options: Any) -> Any:
        """Create a weight that stays float32 under a mixed policy, as the fused operation requires."""
        return super().add_weight(*shape, **{**options, "autocast": False})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise (n, h, w, c); in inference, and if frozen, as the base class does."""
        if not (training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf  # this layer is used with TensorFlow only

        normalised, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        self.moving_mean.assign(self._moving_average(self.moving_mean, mean))
        self.moving_variance.assign(self._moving_average(self.moving_variance, variance))
        return normalised

    def _moving_average(self, old: Any, new: Any) -> Any:
        return old * self.momentum + new * (1 - self.momentum)


def fastest_precision() -> Precision:
    """Return the fastest precision of this machine: half on a GPU, bfloat16 on a CPU that supports it.

    Other CPUs get float32.
    """
    if capability := gpu_capability():
        return "mixed_bfloat16" if capability >= MIN_BFLOAT16_GPU else "mixed_float16"
    try:
        flags = set(CPU_INFO.read_text(encoding="utf-8").split())
    except OSError:
        return "float32"
    return "mixed_bfloat16" if flags & {"avx512_bf16", "amx_bf16"} else "float32"


def gpu_capability() -> tuple[int, int] | None:
    """Return the compute capability (major, minor) of the GPU of the Keras backend, None without one."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _tensorflow_gpu()
    if backend == "jax":
        import jax  # type: ignore[import-not-found] # optional backend, not a requirement

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


def network_copy(model: keras.Model, arch: Architecture, precision: Precision) -> keras.Model:
    """Return a copy with the same layers and order of weights, so that weights can be copied both ways."""
    side = arch.size if arch.head == "flatten" else None
    image = keras.Input((side, side, arch.channels), name="image")
    fused = keras.backend.backend() == "tensorflow" and gpu_capability() is None

    def layer(original: keras.layers.Layer) -> keras.layers.Layer:
        config = original.get_config()
        if original.name != "logits":  # the loss is always computed in float32
            config["dtype"] = precision
        layer_class = type(original)
        if layer_class is keras.layers.BatchNormalization:
            config["momentum"] = MOMENTUM
            layer_class = FusedBatchNormalization if fused else layer_class
        return layer_class.from_config(config)

    training_copy = keras.models.clone_model(model, input_tensors=image, clone_function=layer)
    training_copy.set_weights(model.get_weights())
    return training_copy
