"""Export of a bundle's network as one graph with probabilities' logits, Grad-CAM maps and features.

Where the path from the explained layer to the logits is pooling, global average and one dense layer,
Grad-CAM has a closed form: max pooling passes on one unit of gradient for each of its windows, so a_k is the
dense layer's weight of feature map k, divided by the number of cells. The maps then cost one small product
instead of a backward pass, and the graph needs no gradients. Other heads are not exported.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from ml.errors import BundleError
from ml.inference.engine import FACTS, MODELS, OUTPUTS, EngineOutputs, load_openvino
from ml.inference.engine_selection import CHECK
from ml.inference.tensorflow_engine import TensorFlowEngine
from ml.networks import builder, bundle
from ml.records import Architecture

CHECK_INPUTS: Final = 20
SEED: Final = 20260101


def export(directory: Path, out: Path) -> None:
    """Write the graph of a bundle and the reference outputs for fixed inputs into `out`.

    Raises BundleError, also for a network whose head has no closed form of Grad-CAM.
    """
    model, manifest = bundle.load_network(directory)
    architecture = manifest.architecture
    if not architecture.has_class_activation_maps:
        raise BundleError(f"The head of {directory.name} cannot be exported.")
    out.mkdir(parents=True, exist_ok=True)
    frozen = out / "frozen.pb"
    frozen.write_bytes(_frozen_graph(model, architecture))
    openvino = load_openvino()
    converted = openvino.convert_model(frozen)
    for output, name in zip(converted.outputs, OUTPUTS, strict=True):
        output.get_tensor().set_names({name})
    for precision, name in MODELS.items():
        openvino.save_model(converted, out / name, compress_to_fp16=precision == "bf16")
    frozen.unlink()
    reference = TensorFlowEngine(model, architecture)
    _write_check(out, reference, architecture)
    facts = {"layer": reference.layer, "feature_width": reference.feature_width}
    (out / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def _frozen_graph(model: keras.Model, architecture: Architecture) -> bytes:
    target = model.get_layer(builder.target_layer(architecture)).output
    averaged = [model.get_layer(name).output for name in builder.feature_layers(architecture)]
    network = keras.Model(model.input, [model.output, target, *averaged])
    kernel = tf.constant(model.get_layer("logits").get_weights()[0])
    cells = float(target.shape[1] * target.shape[2])
    shape = (1, architecture.size, architecture.size, architecture.channels)

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])
    def serve(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        logits, activations, *layers = network(images, training=False)
        maps = tf.einsum("nuvk,kc->ncuv", activations, kernel) / cells
        means = [tf.math.l2_normalize(tf.reduce_mean(layer, axis=(1, 2)), axis=-1) for layer in layers]
        return tf.identity(logits), tf.identity(maps), tf.concat(means, axis=-1)

    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    content: bytes = frozen.graph.as_graph_def().SerializeToString()
    return content


def _write_check(out: Path, engine: TensorFlowEngine, architecture: Architecture) -> None:
    inputs = check_inputs(architecture.size, architecture.channels)
    found = [engine.run(pixels) for pixels in inputs]
    arrays = {name: np.stack([getattr(one, name) for one in found]) for name in EngineOutputs._fields}
    with (out / CHECK).open("wb") as file:
        np.savez(file, inputs=inputs, **arrays)  # type: ignore[arg-type]  # the stub does not accept **kwargs


def check_inputs(size: int, channels: int) -> NDArray[np.float32]:
    """Return fixed network inputs (n, size, size, channels): seeded noise, from fine to coarse."""
    import cv2

    random = np.random.default_rng(SEED)
    images = []
    for number in range(CHECK_INPUTS):
        noise = random.standard_normal((size, size)).astype(np.float32)
        blurred = cv2.GaussianBlur(noise, (0, 0), sigmaX=1.0 + 2.0 * number)
        images.append((blurred - blurred.mean()) / (blurred.std() + np.float32(1e-6)))
    return np.repeat(np.stack(images)[..., None], channels, axis=-1).astype(np.float32)
