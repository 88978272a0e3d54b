"""Train a network on a split of films and leave it as a bundle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from ml import bundle, calibration, network
from ml.batches import Batch, Sampler, Store, load
from ml.dataset import LeftOut, Split, fingerprint, in_order
from ml.presets import TrainingSpec
from ml.records import Architecture, EpochReport, Manifest, Preprocessing
from ml.schedule import Course, one_cycle
from ml.twin import fastest_precision, twin_of

CACHE_SIDE: Final = 256  # pixels of the films kept in memory, or the net's size if that is larger
LARGEST_GRADIENT: Final = 1.0
THAWED_RATE: Final = 0.1  # of the learning rate, once every layer may change

OnEpoch = Callable[[EpochReport], None]
ShouldStop = Callable[[], bool]


class NothingLearnt(RuntimeError):
    """A training that ended without a usable network; the message is for a person."""


@dataclass
class Best:
    """The weights to keep, with the epoch they are from."""

    keep: str
    loss: float = float("inf")
    epoch: int = 0
    weights: list[NDArray[np.float32]] = field(default_factory=list)

    def consider(self, report: EpochReport, model: keras.Model) -> None:
        """Take the model's weights if they are the better ones, or the later ones where that is the rule."""
        if self.keep == "last" or report.val_loss < self.loss:
            self.loss, self.epoch, self.weights = report.val_loss, report.epoch, model.get_weights()


def train(
    films: Split,
    spec: TrainingSpec,
    *,
    start_from: Path | None,
    out: Path,
    on_epoch: OnEpoch,
    should_stop: ShouldStop,
) -> Manifest:
    """Train and write a bundle into `out`; raises NothingLearnt, BundleError or OSError.

    `should_stop` is read before every batch; when it says so the best epoch until then is kept.
    The same films, seed and machine give the same network, unless the clock ends the training.
    """
    keras.utils.set_random_seed(spec.seed)
    model, spec, parent = _beginning(films, spec, start_from)
    side = max(CACHE_SIDE, spec.preprocessing.size)
    learning = load(films.train, spec.preprocessing, side=side, should_stop=should_stop)
    checking = load(films.validation, spec.preprocessing, side=side, should_stop=should_stop)
    if not learning.films or not checking.films:
        raise NothingLearnt("No film could be read to learn from.")
    lesson = Lesson(model, spec, learning, checking)
    best = lesson.run(on_epoch, should_stop)
    if not best.weights:
        raise NothingLearnt("The training was stopped before its first epoch was complete.")
    model.set_weights(best.weights)
    manifest = _manifest(films, spec, parent, lesson, best)
    bundle.write(out, model, manifest)
    return calibration.calibrate(out, checking.films)


def _beginning(
    films: Split, spec: TrainingSpec, start_from: Path | None
) -> tuple[keras.Model, TrainingSpec, Manifest | None]:
    if not spec.fine_tune or start_from is None:
        if spec.fine_tune:
            raise NothingLearnt("There is no network in force to start from.")
        spec = replace(spec, architecture=replace(spec.architecture, classes=films.classes))
        return network.build(spec.architecture), spec, None
    old, parent = bundle.load_network(start_from)
    # A finding that the films at hand do not hold is not forgotten: its output stays.
    classes = in_order({*parent.architecture.classes, *films.classes})
    arch = replace(parent.architecture, classes=classes)
    spec = replace(spec, architecture=arch, preprocessing=parent.preprocessing)
    return _with_classes(old, parent.architecture, arch), spec, parent


def _with_classes(old: keras.Model, before: Architecture, after: Architecture) -> keras.Model:
    if before.classes == after.classes:
        return old
    new = network.build(after)
    for layer in old.layers[:-1]:
        new.get_layer(layer.name).set_weights(layer.get_weights())
    kernel, bias = new.get_layer("logits").get_weights()
    old_kernel, old_bias = old.get_layer("logits").get_weights()
    for place, label in enumerate(before.classes):
        kernel[:, after.classes.index(label)] = old_kernel[:, place]
        bias[after.classes.index(label)] = old_bias[place]
    new.get_layer("logits").set_weights([kernel, bias])
    return new


class Lesson:
    """One training under way: the twin that learns, its batches and how far it has come."""

    def __init__(self, model: keras.Model, spec: TrainingSpec, learning: Store, checking: Store) -> None:
        self.spec, self.learning, self.checking = spec, learning, checking
        self.classes = spec.architecture.classes
        self.precision = fastest_precision() if spec.precision == "auto" else spec.precision
        self.pupil = twin_of(model, spec.architecture, self.precision)
        self.steps_per_epoch = spec.steps_per_epoch or -(-len(learning.films) // spec.batch_size)
        epochs = spec.epochs + spec.thaw_epochs
        self.course = Course(epochs * self.steps_per_epoch, spec.minutes * 60, time.monotonic)
        self.reports: list[EpochReport] = []
        self._thawed = not spec.frozen_until
        self._inputs: tuple[int, NDArray[np.float32]] = (0, np.empty(0, np.float32))

    def run(self, on_epoch: OnEpoch, should_stop: ShouldStop) -> Best:
        """Go through all epochs, or until asked to stop; return the weights to keep."""
        best = Best(self.spec.keep)
        self._freeze()
        while not self.course.finished:
            if self._thaw_is_due():
                self._thaw()
            began = self.course.clock()
            if not (logs := self._epoch(should_stop)):
                break
            report = self._report(logs, began)
            self.reports.append(report)
            best.consider(report, self.pupil)
            on_epoch(report)
        return best

    def _freeze(self) -> None:
        names = [layer.name for layer in self.pupil.layers]
        if not self._thawed:
            for layer in self.pupil.layers[: names.index(self.spec.frozen_until)]:
                layer.trainable = False
        self._compile(self.spec.learning_rate)

    def _thaw_is_due(self) -> bool:
        frozen_steps = self.spec.epochs * self.steps_per_epoch
        return not self._thawed and self.spec.thaw_epochs > 0 and self.course.done >= frozen_steps

    def _thaw(self) -> None:
        self._thawed = True
        for layer in self.pupil.layers:  # a model's own flag, already set, does not reach its layers again
            layer.trainable = True
        self._compile(self.spec.learning_rate * THAWED_RATE)

    def _compile(self, rate: float) -> None:
        optimizer = keras.optimizers.AdamW(
            rate, weight_decay=self.spec.weight_decay, global_clipnorm=LARGEST_GRADIENT
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        loss = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=self.spec.label_smoothing
        )
        self.pupil.compile(optimizer, loss=loss, metrics=["accuracy"])

    def _epoch(self, should_stop: ShouldStop) -> dict[str, float]:
        """Teach one epoch and return its loss and accuracy; nothing if stopped in the middle."""
        prep = self._prep()
        steps: list[tuple[float, float]] = []
        batches = self._sampler(prep).stream(first=self.course.done)
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
        peak = self.spec.learning_rate * (THAWED_RATE if self._thawed and self.spec.frozen_until else 1)
        self.pupil.optimizer.learning_rate = one_cycle(peak, self.course.progress)
        logs = self.pupil.train_on_batch(*next(batches), return_dict=True)  # of this batch alone
        self.course.done += 1
        if not np.isfinite(logs["loss"]):
            raise NothingLearnt("The training diverged: its loss is no number. A lower rate may help.")
        return float(logs["loss"]), float(logs["accuracy"])

    def _prep(self) -> Preprocessing:
        prep = self.spec.preprocessing
        return replace(prep, size=self.course.size_now(self.spec.sizes, prep.size))

    def _sampler(self, prep: Preprocessing) -> Sampler:
        spec = self.spec
        return Sampler(self.learning, prep, self.classes, spec.batch_size, spec.augmentation, spec.seed)

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
            phase=f"{'all layers' if self._thawed else 'last layers'}, {size} px",
        )

    def _check(self) -> tuple[float, float]:
        """Return loss (nats, without smoothing) and accuracy on the validation films."""
        prep = self._prep()
        if self._inputs[0] != prep.size:
            self._inputs = (prep.size, self.checking.inputs(prep))
        pieces = [
            np.asarray(self.pupil.predict_on_batch(self._inputs[1][at : at + self.spec.batch_size]))
            for at in range(0, len(self.checking.films), self.spec.batch_size)
        ]
        logits = np.concatenate(pieces).astype(np.float64)
        targets = self.checking.targets(self.classes)
        loss = calibration.negative_log_likelihood(logits, targets, temperature=1.0)
        return loss, float((logits.argmax(axis=1) == targets).mean())


def _manifest(
    films: Split, spec: TrainingSpec, parent: Manifest | None, lesson: Lesson, best: Best
) -> Manifest:
    classes = spec.architecture.classes
    left_out = [*films.left_out, *lesson.learning.left_out, *lesson.checking.left_out]
    training: dict[str, Any] = {
        "spec": spec.to_json(),
        "fingerprint": fingerprint([*films.train, *films.validation]),
        "counts": films.counts(),
        "precision": lesson.precision,
        "left_out": _reasons(left_out),
        "steps": lesson.course.done,
        "seconds": round(lesson.course.clock() - lesson.course.began, 1),
        "kept_epoch": best.epoch,
        "stopped": not lesson.course.finished,
        "epochs": [vars(report) for report in lesson.reports],
    }
    return Manifest(
        version="candidate",
        architecture=spec.architecture,
        preprocessing=spec.preprocessing,
        operating_points=dict.fromkeys(classes, 0.5),
        heat_reference=dict.fromkeys(classes, 1.0),
        training=training,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        parent=parent.version if parent else "",
    )


def _reasons(left_out: list[LeftOut]) -> list[dict[str, str]]:
    return [{"film": item.film.path.name, "reason": item.reason} for item in left_out]
