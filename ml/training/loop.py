"""The training loop: epochs of batches through the stages, with validation after each epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from ml.datasets.batches import AugmentedImages, Batch, ImageStore, Sampler
from ml.networks.network_copy import fastest_precision, network_copy
from ml.recipes import Precision, TrainingSpec
from ml.records import EpochReport, Preprocessing
from ml.training.checkpoint import SelectedWeights, TrainingState
from ml.training.errors import NoUsableNetwork
from ml.training.schedule import Progress, one_cycle, stage_ends
from ml.training.stages import ShouldStop, StageBuilder, StageModel, stages_for

OnEpoch = Callable[[EpochReport], None]
OnBatch = Callable[[int, int], None]  # (completed batches of this epoch, batches of an epoch)
OnState = Callable[[TrainingState], None]


class TrainingLoop:
    """Trains a copy of `model`; `selected` has the weights of the selected epoch."""

    def __init__(
        self,
        model: keras.Model,
        spec: TrainingSpec,
        training_images: ImageStore,
        validation_images: ImageStore,
        folder: Path,
    ) -> None:
        """Prepare a training; `folder` takes cached features that exceed the memory."""
        self.spec, self.training_images, self.validation_images = spec, training_images, validation_images
        self.classes = spec.architecture.classes
        self.precision: Precision = fastest_precision() if spec.precision == "auto" else spec.precision
        self.training_copy = network_copy(model, spec.architecture, self.precision)
        self.stages = stages_for(self.training_copy, spec)
        self.steps_per_epoch = spec.steps_per_epoch or -(-len(training_images.radiographs) // spec.batch_size)
        self.progress = Progress(
            spec.epochs * self.steps_per_epoch,
            spec.minutes * 60,
            time.monotonic,
            stage_ends(self.stages, spec.epochs),
        )
        self.reports: list[EpochReport] = []
        self.selected = SelectedWeights(spec.keep)
        self._builder = StageBuilder(
            self.training_copy, spec, self.precision, training_images, validation_images, folder
        )
        self._stage = -1
        self._stage_model = StageModel(self.training_copy)
        self._restored_optimizer: tuple[int, list[Any]] = (-1, [])  # stage, variables
        self._validation_inputs: tuple[int, NDArray[np.float32]] = (
            0,
            np.empty(0, np.float32),
        )  # size, inputs

    def run(
        self,
        on_epoch: OnEpoch,
        should_stop: ShouldStop,
        on_state: OnState | None = None,
        on_batch: OnBatch = lambda _done, _total: None,
    ) -> None:
        """Train all remaining epochs, or until `should_stop` returns True; raises NoUsableNetwork."""
        while not self.progress.finished:
            if self.progress.stage != self._stage and not self._enter_stage(self.progress.stage, should_stop):
                break
            started = self.progress.clock()
            if not (metrics := self._train_epoch(should_stop, on_batch)):
                break
            report = self._report(metrics, started)
            self.reports.append(report)
            self.selected.update(report, self.training_copy.get_weights())
            on_epoch(
                report
            )  # before on_state: it raises if the worker has lost its lease, and nothing is stored
            if on_state:
                on_state(self.state())

    def state(self) -> TrainingState:
        """Return everything that determines the remaining epochs."""
        return TrainingState(
            stage=self._stage,
            steps=self.progress.steps_done,
            seconds=self.progress.elapsed,
            reports=tuple(self.reports),
            selected=self.selected,
            weights=self.training_copy.get_weights(),
            optimizer=[_to_numpy(variable) for variable in self._stage_model.model.optimizer.variables],
            seeds=[_to_numpy(seed) for seed in self._seeds()],
        )

    def resume(self, state: TrainingState) -> None:
        """Continue from the state of an earlier attempt; raises ValueError if it does not fit."""
        self.training_copy.set_weights(state.weights)
        for seed, value in zip(self._seeds(), state.seeds, strict=True):
            seed.assign(value)
        self.progress.resume(steps_done=state.steps, elapsed=state.seconds)
        self.reports, self.selected = list(state.reports), state.selected
        self._restored_optimizer = (state.stage, state.optimizer)

    def _seeds(self) -> list[Any]:
        generators = (getattr(layer, "seed_generator", None) for layer in self.training_copy.layers)
        return [generator.state for generator in generators if generator is not None]

    def _enter_stage(self, number: int, should_stop: ShouldStop) -> bool:
        """Build the model of a stage and restore its optimizer; False once `should_stop` returns True."""
        stage_model = self._builder.build(self.stages[number], self.progress.steps_of(number), should_stop)
        if stage_model is None:
            return False
        restored_stage, values = self._restored_optimizer
        if restored_stage == number:
            optimizer = stage_model.model.optimizer
            optimizer.build(stage_model.model.trainable_variables)
            for variable, value in zip(optimizer.variables, values, strict=True):
                variable.assign(value)
        self._stage_model, self._stage, self._restored_optimizer = stage_model, number, (-1, [])
        return True

    def _train_epoch(self, should_stop: ShouldStop, on_batch: OnBatch) -> dict[str, float]:
        """Train one epoch and return its loss and accuracy; empty if stopped before its end."""
        steps: list[tuple[float, float]] = []
        batches = self._sampler().stream(first=self.progress.steps_done)
        try:
            for _ in range(self.steps_per_epoch):
                if should_stop():
                    return {}
                steps.append(self._train_step(batches))
                on_batch(len(steps), self.steps_per_epoch)
                if self.progress.finished:
                    break
        finally:
            batches.close()
        loss, accuracy = np.mean(steps, axis=0)
        return {"loss": float(loss), "accuracy": float(accuracy)}

    def _train_step(self, batches: Iterator[Batch]) -> tuple[float, float]:
        peak = self.spec.learning_rate * self.stages[self._stage].learning_rate_factor
        model = self._stage_model.model
        model.optimizer.learning_rate = one_cycle(peak, self.progress.fraction_of(self._stage))
        metrics = model.train_on_batch(*next(batches), return_dict=True)  # of this batch alone
        self.progress.steps_done += 1
        if not np.isfinite(metrics["loss"]):
            raise NoUsableNetwork("The training diverged: the loss is not finite. Try a lower learning rate.")
        return float(metrics["loss"]), float(metrics["accuracy"])

    def _preprocessing(self) -> Preprocessing:
        prep = self.spec.preprocessing
        return replace(prep, size=self.progress.image_size(self.spec.sizes, prep.size))

    def _sampler(self) -> Sampler:
        spec = self.spec
        return Sampler(
            radiographs=self.training_images.radiographs,
            classes=self.classes,
            input_of=self._stage_model.input_of
            or AugmentedImages(self.training_images, self._preprocessing(), spec.augmentation, spec.mirror),
            batch_size=spec.batch_size,
            seed=spec.seed,
            balance=spec.balance,
        )

    def _report(self, metrics: dict[str, float], started: float) -> EpochReport:
        loss, accuracy = self._validate()
        number = len(self.reports) + 1
        expected = self.progress.steps // self.steps_per_epoch
        if self.spec.minutes > 0:
            expected = max(number, round(number / max(self.progress.fraction, 1e-6)))
        layers = "last" if self.stages[self._stage].first_trainable else "all"
        return EpochReport(
            epoch=number,
            epochs=expected,
            loss=metrics["loss"],
            accuracy=metrics["accuracy"],
            val_loss=loss,
            val_accuracy=accuracy,
            seconds=self.progress.clock() - started,
            phase=f"{layers} layers, {self._preprocessing().size} px",
        )

    def _validate(self) -> tuple[float, float]:
        """Return loss (nats, without label smoothing) and accuracy on the validation set."""
        features = self._stage_model.validation_features
        inputs = self._inputs_for_validation() if features is None else features
        size = self.spec.batch_size
        outputs = [
            np.asarray(
                self._stage_model.model.predict_on_batch(inputs[start : start + size].astype(np.float32))
            )
            for start in range(0, len(inputs), size)
        ]
        logits = np.concatenate(outputs).astype(np.float64)
        targets = self.validation_images.targets(self.classes)
        log_likelihoods = log_softmax(logits, axis=1)[np.arange(len(targets)), targets]
        return float(-log_likelihoods.mean()), float((logits.argmax(axis=1) == targets).mean())

    def _inputs_for_validation(self) -> NDArray[np.float32]:
        prep = self._preprocessing()
        if self._validation_inputs[0] != prep.size:
            self._validation_inputs = (prep.size, self.validation_images.inputs(prep))
        return self._validation_inputs[1]


def _to_numpy(variable: Any) -> NDArray[Any]:
    return np.asarray(keras.ops.convert_to_numpy(variable))
