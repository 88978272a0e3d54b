"""One training under way: the twin that learns, its stages and batches, and how far it has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from ml.datasets.batches import AugmentedImages, Batch, Example, ImageStore, Sampler
from ml.recipes import Precision, Stage, TrainingSpec
from ml.records import EpochReport, Preprocessing
from ml.training import feature_cache
from ml.training.checkpoint import Best, State
from ml.training.schedule import Progress, one_cycle, stage_ends
from ml.training.training_copy import fastest_precision, training_copy_of

LARGEST_GRADIENT: Final = 1.0

OnEpoch = Callable[[EpochReport], None]
OnState = Callable[[State], None]
ShouldStop = Callable[[], bool]


class NoUsableNetwork(RuntimeError):
    """A training that ended without a usable network; the message is for a person."""


@dataclass(frozen=True)
class StageModel:
    """What learns in a stage, and what it is shown: images, or the features of a trunk that stands still."""

    model: keras.Model
    example: Example | None = None  # None: the radiographs themselves, changed anew
    checking: NDArray[np.float16] | None = None


class TrainingLoop:
    """A training of `model` on `learning`, watched on `checking`; `folder` takes what the memory cannot."""

    def __init__(
        self, model: keras.Model, spec: TrainingSpec, learning: ImageStore, checking: ImageStore, folder: Path
    ) -> None:
        self.spec, self.learning, self.checking, self.folder = spec, learning, checking, folder
        self.classes = spec.architecture.classes
        self.precision: Precision = fastest_precision() if spec.precision == "auto" else spec.precision
        self.twin = training_copy_of(model, spec.architecture, self.precision)
        self.stages = stages_for(self.twin, spec)
        self.steps_per_epoch = spec.steps_per_epoch or -(-len(learning.radiographs) // spec.batch_size)
        self.course = Progress(
            spec.epochs * self.steps_per_epoch,
            spec.minutes * 60,
            time.monotonic,
            stage_ends(self.stages, spec.epochs),
        )
        self.reports: list[EpochReport] = []
        self.best = Best(spec.keep)
        self._stage = -1
        self._pupil = StageModel(self.twin)
        self._unused_optimizer: tuple[int, list[Any]] = (-1, [])
        self._inputs: tuple[int, NDArray[np.float32]] = (0, np.empty(0, np.float32))

    def run(self, on_epoch: OnEpoch, should_stop: ShouldStop, on_state: OnState | None = None) -> None:
        """Go through all epochs, or until asked to stop; `best` holds the weights to keep."""
        while not self.course.finished:
            if self.course.stage != self._stage and not self._enter(self.course.stage, should_stop):
                break
            began = self.course.clock()
            if not (logs := self._epoch(should_stop)):
                break
            report = self._report(logs, began)
            self.reports.append(report)
            self.best.consider(report, self.twin.get_weights())
            on_epoch(report)  # first: a worker that has lost its run hears of it here and writes nothing
            if on_state:
                on_state(self.state())

    def state(self) -> State:
        """Return all that decides the epochs to come."""
        return State(
            stage=self._stage,
            steps=self.course.done,
            seconds=self.course.elapsed,
            reports=tuple(self.reports),
            best=self.best,
            weights=self.twin.get_weights(),
            optimizer=[_numbers(variable) for variable in self._pupil.model.optimizer.variables],
            seeds=[_numbers(seed) for seed in self._seeds()],
        )

    def resume(self, state: State) -> None:
        """Go on from what an earlier attempt has kept; raises ValueError if it does not fit."""
        self.twin.set_weights(state.weights)
        for seed, value in zip(self._seeds(), state.seeds, strict=True):
            seed.assign(value)
        self.course.resume(done=state.steps, elapsed=state.seconds)
        self.reports, self.best = list(state.reports), state.best
        self._unused_optimizer = (state.stage, state.optimizer)

    def _seeds(self) -> list[Any]:
        found = (getattr(layer, "seed_generator", None) for layer in self.twin.layers)
        return [generator.state for generator in found if generator is not None]

    def _enter(self, number: int, should_stop: ShouldStop) -> bool:
        """Begin a stage, or go on with it; False when asked to stop meanwhile."""
        stage = self.stages[number]
        names = [layer.name for layer in self.twin.layers]
        first = names.index(stage.learns_from) if stage.learns_from else 0
        # Layer by layer: a model's own flag, already set, does not reach its layers again.
        for place, layer in enumerate(self.twin.layers):
            layer.trainable = place >= first
        pupil = self._pupil_of(number, should_stop)
        if pupil is None:
            return False
        self._compile(pupil.model, self.spec.learning_rate * stage.rate)
        kept_of, kept = self._unused_optimizer
        if kept_of == number:
            pupil.model.optimizer.build(pupil.model.trainable_variables)
            for variable, value in zip(pupil.model.optimizer.variables, kept, strict=True):
                variable.assign(value)
        self._pupil, self._stage, self._unused_optimizer = pupil, number, (-1, [])
        return True

    def _pupil_of(self, number: int, should_stop: ShouldStop) -> StageModel | None:
        variants = self._variants(number)
        if not variants:
            return StageModel(self.twin)
        trunk, rest = feature_cache.cut(self.twin, self.stages[number].learns_from)
        spec, prep = self.spec, self.spec.preprocessing
        fresh = AugmentedImages(self.learning, prep, spec.augmentation, spec.mirror)
        shown = (
            (feature_cache.variants_of(fresh, variants=variants, seed=spec.seed), self.learning, variants),
            (self.checking.images(prep), self.checking, 1),
        )
        learnt, watched = (
            feature_cache.compute(
                trunk,
                images,
                shape=(len(store.radiographs), copies),
                batch_size=spec.batch_size,
                folder=self.folder,
                should_stop=should_stop,
            )
            for images, store, copies in shown
        )
        return StageModel(rest, learnt, watched.values[:, 0]) if learnt and watched else None

    def _variants(self, number: int) -> int:
        """Return how many copies of a radiograph pass the trunk once, at most half as many as it would else."""
        spec = self.spec
        if not self.stages[number].learns_from or spec.minutes > 0 or spec.sizes:
            return 0
        passes = self.course.steps_of(number) * spec.batch_size // len(self.learning.radiographs)
        return min(spec.variants, passes // 2)

    def _compile(self, model: keras.Model, rate: float) -> None:
        optimizer = keras.optimizers.AdamW(
            rate, weight_decay=self.spec.weight_decay, global_clipnorm=LARGEST_GRADIENT
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        if self.precision == "mixed_float16":  # small gradients would vanish
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        loss = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=self.spec.label_smoothing
        )
        model.compile(optimizer, loss=loss, metrics=["accuracy"], auto_scale_loss=False)

    def _epoch(self, should_stop: ShouldStop) -> dict[str, float]:
        """Teach one epoch and return its loss and accuracy; nothing if stopped in the middle."""
        steps: list[tuple[float, float]] = []
        batches = self._sampler().stream(first=self.course.done)
        try:
            for _ in range(self.steps_per_epoch):
                if should_stop():
                    return {}
                steps.append(self._step(batches))
                if self.course.finished:
                    break
        finally:
            batches.close()
        loss, accuracy = np.mean(steps, axis=0)
        return {"loss": float(loss), "accuracy": float(accuracy)}

    def _step(self, batches: Iterator[Batch]) -> tuple[float, float]:
        peak = self.spec.learning_rate * self.stages[self._stage].rate
        model = self._pupil.model
        model.optimizer.learning_rate = one_cycle(peak, self.course.within(self._stage))
        logs = model.train_on_batch(*next(batches), return_dict=True)  # of this batch alone
        self.course.done += 1
        if not np.isfinite(logs["loss"]):
            raise NoUsableNetwork("The training diverged: its loss is no number. A lower rate may help.")
        return float(logs["loss"]), float(logs["accuracy"])

    def _prep(self) -> Preprocessing:
        prep = self.spec.preprocessing
        return replace(prep, size=self.course.size_now(self.spec.sizes, prep.size))

    def _sampler(self) -> Sampler:
        spec = self.spec
        return Sampler(
            radiographs=self.learning.radiographs,
            classes=self.classes,
            example=self._pupil.example
            or AugmentedImages(self.learning, self._prep(), spec.augmentation, spec.mirror),
            batch_size=spec.batch_size,
            seed=spec.seed,
            balance=spec.balance,
        )

    def _report(self, logs: dict[str, float], began: float) -> EpochReport:
        loss, accuracy = self._check()
        number = len(self.reports) + 1
        expected = self.course.steps // self.steps_per_epoch
        if self.spec.minutes > 0:
            expected = max(number, round(number / max(self.course.progress, 1e-6)))
        size = self._prep().size
        return EpochReport(
            epoch=number,
            epochs=expected,
            loss=logs["loss"],
            accuracy=logs["accuracy"],
            val_loss=loss,
            val_accuracy=accuracy,
            seconds=self.course.clock() - began,
            phase=f"{'last' if self.stages[self._stage].learns_from else 'all'} layers, {size} px",
        )

    def _check(self) -> tuple[float, float]:
        """Return loss (nats, without smoothing) and accuracy on the validation radiographs."""
        cached = self._pupil.checking
        shown = self._checking_inputs() if cached is None else cached
        size = self.spec.batch_size
        pieces = [
            np.asarray(self._pupil.model.predict_on_batch(shown[at : at + size].astype(np.float32)))
            for at in range(0, len(shown), size)
        ]
        logits = np.concatenate(pieces).astype(np.float64)
        targets = self.checking.targets(self.classes)
        chosen = log_softmax(logits, axis=1)[np.arange(len(targets)), targets]
        return float(-chosen.mean()), float((logits.argmax(axis=1) == targets).mean())

    def _checking_inputs(self) -> NDArray[np.float32]:
        prep = self._prep()
        if self._inputs[0] != prep.size:
            self._inputs = (prep.size, self.checking.inputs(prep))
        return self._inputs[1]


def stages_for(model: keras.Model, spec: TrainingSpec) -> tuple[Stage, ...]:
    """Return the recipe's stages, or a single one of everything where the net lacks a layer they name."""
    names = {"", *(layer.name for layer in model.layers)}
    return spec.stages if all(stage.learns_from in names for stage in spec.stages) else (Stage(1.0),)


def _numbers(variable: Any) -> NDArray[Any]:
    return np.asarray(keras.ops.convert_to_numpy(variable))
