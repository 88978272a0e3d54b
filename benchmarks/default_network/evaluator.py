"""Evaluation of averaged weights on the validation set, with batch normalisation recalibrated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import cv2
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import log_softmax

from benchmarks.default_network.radiographs import CHILDREN, COHEN, CachedRadiograph, CachedRadiographs
from benchmarks.default_network.recipe import CLASSES, PRESET
from benchmarks.default_network.sampling import BatchSampler, as_inputs
from ml.metrics.statistics import auroc
from ml.networks import builder
from ml.networks.network_copy import fastest_precision, network_copy
from ml.recipes import get_recipe

MAX_PER_CELL: Final = 150  # validation radiographs of one class and source
UNUSED_BATCH: Final = 10**7  # number of the first batch of a recalibration; no training step draws it


class Evaluator:
    """A copy of the network that takes weights over, recalibrates and measures them."""

    def __init__(self, radiographs: CachedRadiographs, sampler: BatchSampler) -> None:
        architecture = get_recipe(PRESET).architecture
        self.sampler, self.radiographs = sampler, radiographs
        self.network = network_copy(builder.build(architecture), architecture, fastest_precision())
        layers = self.network.layers
        self.norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
        for norm in self.norms:
            norm.momentum = 0.0  # the moving statistics become those of the last batch alone
        image = tf.TensorSpec((None, None, None, 1), tf.float32)
        self._train = tf.function(lambda x: self.network(x, training=True), input_signature=[image])
        self._predict = tf.function(lambda x: self.network(x, training=False), input_signature=[image])
        self.indices = _validation_indices(radiographs)

    def take(self, weights: Sequence[NDArray[np.float32]], *, size: int, batches: int) -> None:
        """Take weights over and set batch normalisation to its mean over training batches."""
        self.network.set_weights(list(weights))
        sums = [[np.zeros(norm.moving_mean.shape, np.float64) for _ in range(2)] for norm in self.norms]
        for k in range(batches):
            self._train(self.sampler.draw(UNUSED_BATCH + k, size)[0])
            for norm, (mean, variance) in zip(self.norms, sums, strict=True):
                mean += np.asarray(norm.moving_mean)
                variance += np.asarray(norm.moving_variance)
        for norm, (mean, variance) in zip(self.norms, sums, strict=True):
            norm.moving_mean.assign((mean / batches).astype(np.float32))
            norm.moving_variance.assign((variance / batches).astype(np.float32))

    def measure(self, size: int) -> dict[str, Any]:
        """Return loss, accuracy and the AUROC of COVID-19 by source, on inputs of `size` pixels."""
        rows = [self.radiographs.rows[index] for index in self.indices]
        scores = log_softmax(self.logits(self.indices, size), axis=1)
        known = np.array([row.part == "validation" for row in rows])
        truth = np.array([CLASSES.index(row.label) if row.part == "validation" else -1 for row in rows])
        return {
            "val_loss": round(float(-scores[known, truth[known]].mean()), 4),
            "val_accuracy": round(float((scores.argmax(1) == truth)[known].mean()), 4),
            **_aurocs(rows, scores[:, 0]),
        }

    def logits(self, indices: Sequence[int], size: int) -> NDArray[np.float64]:
        """Return the logits (n, 3) of some radiographs at `size` pixels."""
        images = [
            cv2.resize(np.asarray(self.radiographs.pixels[k]), (size, size), interpolation=cv2.INTER_AREA)
            for k in indices
        ]
        pieces = [
            np.asarray(
                self._predict(as_inputs([np.asarray(i, np.uint8) for i in images[at : at + 32]], size))
            )
            for at in range(0, len(images), 32)
        ]
        return np.concatenate(pieces).astype(np.float64)


def _validation_indices(radiographs: CachedRadiographs) -> list[int]:
    """Return at most MAX_PER_CELL radiographs of each class and source, the same at each call."""
    counts: Counter[tuple[str, str]] = Counter()
    indices = []
    for index, row in enumerate(radiographs.rows):
        if row.part != "training" and counts[row.label, row.source] < MAX_PER_CELL:
            counts[row.label, row.source] += 1
            indices.append(index)
    return indices


def _aurocs(rows: Sequence[CachedRadiograph], scores: NDArray[np.float64]) -> dict[str, Any]:
    """Return the AUROC of COVID-19 against the negatives of each source, their mean and the lowest."""
    source = np.array([row.source for row in rows])
    covid = np.array([row.label == "covid-19" for row in rows])
    cohen = covid & (source == COHEN)
    radiography = np.char.startswith(source, "radiography")
    pairs = {
        "cohen": (cohen, ~covid & (source == COHEN)),
        "nih_vs_cohen": (cohen, source == "nih"),
        "radiography": (covid & radiography, ~covid & radiography),
        "children_vs_cohen": (cohen, source == CHILDREN),
        "cohen_vs_radiography_normal": (cohen, ~covid & radiography),
    }
    found = {
        name: auroc(
            np.concatenate([scores[yes], scores[no]]), np.repeat([True, False], [yes.sum(), no.sum()])
        )
        for name, (yes, no) in pairs.items()
    }
    return {
        "auroc": {name: round(value, 4) for name, value in found.items()},
        "auroc_mean": round(float(np.mean(list(found.values()))), 4),
        "auroc_worst": round(min(found.values()), 4),
        "auroc_counts": {name: [int(yes.sum()), int(no.sum())] for name, (yes, no) in pairs.items()},
    }
