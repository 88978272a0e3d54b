"""One attempt at the long training: steps, averaged weights, checkpoints, evaluations and a log."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import cv2
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from benchmarks.default_network.checkpoints import NumberedCheckpoints, Progress
from benchmarks.default_network.evaluator import Evaluator
from benchmarks.default_network.radiographs import CachedRadiographs
from benchmarks.default_network.recipe import CLASSES, PRESET, LongRecipe
from benchmarks.default_network.sampling import Batch, BatchSampler
from ml.networks import builder
from ml.networks.network_copy import fastest_precision, network_copy
from ml.recipes import get_recipe
from ml.training.schedule import one_cycle

CHECKPOINT_SECONDS: Final = 240
LOG_EVERY: Final = 25  # steps
MAX_GRADIENT_NORM: Final = 1.0
AVERAGE_DECAY: Final = 0.999  # of the exponential moving average of the weights
RECALIBRATION_BATCHES: Final = 30
SHARES: Final = 2  # parts of a batch, one for each core


class LongTraining:
    """The training in a folder, from its newest checkpoint on."""

    def __init__(self, folder: Path, radiographs: CachedRadiographs, recipe: LongRecipe) -> None:
        cv2.setNumThreads(1)  # its idle threads spin, at the cost of the network's
        tf.config.threading.set_intra_op_parallelism_threads(1)  # see _update_weights
        tf.config.threading.set_inter_op_parallelism_threads(SHARES)
        self.folder, self.recipe, self.progress = folder, recipe, Progress()
        self.checkpoints = NumberedCheckpoints(folder / "checkpoints")
        self.sampler = BatchSampler(radiographs, recipe)
        keras.utils.set_random_seed(recipe.seed)
        architecture = get_recipe(PRESET).architecture
        self.network = network_copy(builder.build(architecture), architecture, fastest_precision())
        self.optimizer, self.loss = _optimizer(recipe), _loss(recipe)
        self.optimizer.build(self.network.trainable_variables)
        variables = self.network.trainable_variables
        self.averages = [tf.Variable(weight.numpy(), trainable=False) for weight in variables]
        shapes = ((recipe.batch_size, None, None, 1), (recipe.batch_size, len(CLASSES)), ())
        self._update = tf.function(
            self._update_weights, input_signature=[tf.TensorSpec(shape, tf.float32) for shape in shapes]
        )
        layers = self.network.layers
        self.seeds = [layer.seed_generator.state for layer in layers if hasattr(layer, "seed_generator")]
        self.evaluator = Evaluator(radiographs, self.sampler)

    def resume(self) -> None:
        """Continue from the newest checkpoint, if there is one."""
        if (found := self.checkpoints.load()) is None:
            return
        arrays, self.progress = found
        self.network.set_weights(arrays["weights"])
        variables = {"optimizer": self.optimizer.variables, "ema": self.averages, "seeds": self.seeds}
        for name, targets in variables.items():
            for target, value in zip(targets, arrays[name], strict=True):
                target.assign(value)

    def save(self) -> None:
        """Write a checkpoint of everything that determines the remaining steps."""
        arrays = {
            "weights": self.network.get_weights(),
            "optimizer": [np.asarray(variable) for variable in self.optimizer.variables],
            "ema": [variable.numpy() for variable in self.averages],
            "seeds": [np.asarray(seed) for seed in self.seeds],
        }
        self.checkpoints.save(arrays, self.progress)

    def train(self, should_stop: Callable[[], bool]) -> None:
        """Train to the last step, or until asked to stop, with a checkpoint every four minutes."""
        self.progress.attempts += 1
        saved = last = Clock.now()
        losses: list[float] = []
        batches = self.sampler.stream(self.progress.step)
        try:
            while self.progress.step < self.recipe.steps and not should_stop():
                losses.append(self._step(next(batches)))
                last = self._count_time(last)
                if self.progress.step % self.recipe.evaluate_every == 0:
                    self._evaluate(losses)
                    losses.clear()
                elif self.progress.step % LOG_EVERY == 0:
                    self._log("steps.jsonl", {"loss": round(float(np.mean(losses[-LOG_EVERY:])), 4)})
                if last.wall - saved.wall > CHECKPOINT_SECONDS:
                    self.save()
                    saved = last
        finally:
            batches.close()
        self._count_time(last)
        self.save()

    def _update_weights(self, images: Any, truth: Any, keep: Any) -> Any:
        """Take one step of the optimizer and of the average, and return the loss.

        Each core computes the gradient of its own share of the batch: two threads inside one convolution wait
        for each other, which doubles the processor time where other processes interrupt them.
        """
        weights = self.network.trainable_weights
        losses, gradients = [], []
        for share, classes in zip(tf.split(images, SHARES), tf.split(truth, SHARES), strict=True):
            with tf.GradientTape() as tape:
                loss = self.loss(classes, self.network(share, training=True))
            losses.append(loss)
            gradients.append(tape.gradient(loss, weights))
        mean = [tf.add_n(list(shares)) / SHARES for shares in zip(*gradients, strict=True)]
        self.optimizer.apply(mean, weights)
        for average, weight in zip(self.averages, weights, strict=True):
            average.assign_add((1.0 - keep) * (weight.value - average))
        return tf.add_n(losses) / SHARES

    def _step(self, batch: Batch) -> float:
        step = self.progress.step
        self.optimizer.learning_rate = one_cycle(self.recipe.learning_rate, step / self.recipe.steps)
        keep = np.float32(min(AVERAGE_DECAY, (1 + step) / (10 + step)))
        loss = float(self._update(*batch, keep))
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss of step {step} is not finite")
        self.progress.step += 1
        return loss

    def _count_time(self, last: Clock) -> Clock:
        now = Clock.now()
        self.progress.wall_seconds += now.wall - last.wall
        self.progress.processor_seconds += now.processor - last.processor
        return now

    def take_averages(self) -> int:
        """Give the averaged weights to the evaluator, recalibrated at the present size; return that size."""
        size = self.recipe.size_at(self.progress.step - 1)
        weights = with_averages(self.network, [variable.numpy() for variable in self.averages])
        self.evaluator.take(weights, size=size, batches=RECALIBRATION_BATCHES)
        return size

    def _evaluate(self, losses: Sequence[float]) -> None:
        size = self.take_averages()
        metrics = {"loss": round(float(np.mean(losses)), 4), **self.evaluator.measure(size)}
        self._log("evaluations.jsonl", metrics)

    def _log(self, name: str, values: dict[str, Any]) -> None:
        line = {
            "step": self.progress.step,
            "steps": self.recipe.steps,
            "size": self.recipe.size_at(self.progress.step - 1),
            "processor_hours": round(self.progress.processor_seconds / 3600, 4),
            "wall_hours": round(self.progress.wall_seconds / 3600, 4),
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            **values,
        }
        text = json.dumps(line)
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        print(text, flush=True)


def with_averages(network: Any, averages: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Return all weights of a network in its order, the trainable ones replaced by their averages."""
    pairs = zip(network.trainable_variables, averages, strict=True)
    values = {id(variable): value for variable, value in pairs}
    return [values.get(id(weight), np.asarray(weight)) for weight in network.weights]


@dataclass(frozen=True)
class Clock:
    """Seconds of wall-clock and of processor time."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> Clock:
        """Return the present time."""
        return cls(time.monotonic(), time.process_time())


def _optimizer(recipe: LongRecipe) -> Any:
    optimizer = keras.optimizers.AdamW(
        recipe.learning_rate, weight_decay=recipe.weight_decay, global_clipnorm=MAX_GRADIENT_NORM
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _loss(recipe: LongRecipe) -> Any:
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
