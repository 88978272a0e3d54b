"""The network from which a training starts: random, ImageNet's, or the active version with all classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras

from ml.datasets.class_order import sort_classes
from ml.networks import builder, bundle
from ml.recipes import TrainingSpec
from ml.records import Architecture, Manifest
from ml.training.errors import NoUsableNetwork


def initial_network(
    spec: TrainingSpec, classes: tuple[str, ...], *, start_from: Path | None, imagenet: Path | None
) -> tuple[keras.Model, TrainingSpec, Manifest | None]:
    """Return the network, its completed recipe, and the manifest of the parent version if there is one.

    `classes` are those of the training set; `start_from` is the bundle that a fine-tuning recipe starts from.
    Raises NoUsableNetwork or BundleError.
    """
    if not spec.fine_tune:
        spec = replace(spec, architecture=replace(spec.architecture, classes=classes))
        model = builder.build(spec.architecture)
        if spec.imagenet:
            builder.load_imagenet(model, imagenet)
        return model, spec, None
    if start_from is None:
        raise NoUsableNetwork("There is no active version to start from.")
    network, parent = bundle.load_network(start_from)
    # Classes of the parent that the training set lacks keep their outputs.
    all_classes = sort_classes({*parent.architecture.classes, *classes})
    arch = replace(parent.architecture, classes=all_classes)
    spec = replace(spec, architecture=arch, preprocessing=parent.preprocessing)
    return _with_classes(network, parent.architecture, arch), spec, parent


def _with_classes(network: keras.Model, before: Architecture, after: Architecture) -> keras.Model:
    if before.classes == after.classes:
        return network
    extended = builder.build(after)
    for layer in network.layers[:-1]:
        extended.get_layer(layer.name).set_weights(layer.get_weights())
    kernel, bias = extended.get_layer("logits").get_weights()
    old_kernel, old_bias = network.get_layer("logits").get_weights()
    for index, label in enumerate(before.classes):
        kernel[:, after.classes.index(label)] = old_kernel[:, index]
        bias[after.classes.index(label)] = old_bias[index]
    extended.get_layer("logits").set_weights([kernel, bias])
    return extended
