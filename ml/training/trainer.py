"""Train a network on a split of radiographs and leave it as a bundle."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import keras

from ml.datasets.batches import ImageStore, load
from ml.datasets.hashing import fingerprint
from ml.datasets.patient_split import Exclusion, Split, in_order
from ml.networks import builder, bundle
from ml.recipes import TrainingSpec
from ml.records import Architecture, EpochReport, Manifest
from ml.training.checkpoint import Checkpoints, State, found_in, key_of
from ml.training.loop import NoUsableNetwork, OnEpoch, ShouldStop, TrainingLoop

__all__ = ["NoUsableNetwork", "train"]

CACHE_SIDE: Final = 256  # pixels of the radiographs kept in memory, or the net's size if that is larger

OnBegin = Callable[[Sequence[EpochReport]], None]


def train(
    radiographs: Split,
    spec: TrainingSpec,
    *,
    start_from: Path | None,
    out: Path,
    on_epoch: OnEpoch,
    should_stop: ShouldStop,
    imagenet: Path | None = None,
    checkpoints: Path | None = None,
    on_begin: OnBegin = lambda _epochs: None,
) -> Manifest:
    """Train and write a bundle into `out`; raises NoUsableNetwork, BundleError or OSError.

    `should_stop` is read before every batch; when it says so the best epoch until then is kept.
    The same radiographs, seed and machine give the same network, unless the clock ends the training.
    `imagenet` is Keras' weights file for a recipe that starts from it, which is downloaded otherwise.
    `checkpoints` is a folder that keeps each epoch: a later call with the same radiographs and recipe goes on from
    there to the same end. `on_begin` hears once which epochs are done already, none in a first attempt.
    A checkpoint that is damaged, of another training or finds no room is passed over, and the manifest says
    so. Under a Keras backend other than TensorFlow the bundle is left uncalibrated.
    """
    keras.utils.set_random_seed(spec.seed)
    model, spec, parent = _beginning(radiographs, spec, start_from, imagenet)
    learning, checking = _stores(radiographs, spec, should_stop, checkpoints)
    lesson = TrainingLoop(model, spec, learning, checking, out.parent)
    keeper = Checkpoints(checkpoints, _key(lesson)) if checkpoints else None
    notes = _resume(lesson, keeper)
    on_begin(tuple(lesson.reports))
    resumed_after = len(lesson.reports)
    lesson.run(on_epoch, should_stop, partial(_keep, keeper, notes) if keeper else None)
    if not lesson.best.weights:
        raise NoUsableNetwork("The training was stopped before its first epoch was complete.")
    model.set_weights(lesson.best.weights)
    progress = {"resumed_after": resumed_after, "notes": notes} if checkpoints else {}
    manifest = bundle.write(out, model, _manifest(radiographs, parent, lesson, progress))
    return _calibrated(out, manifest, learning, checking)


def _beginning(
    radiographs: Split, spec: TrainingSpec, start_from: Path | None, imagenet: Path | None
) -> tuple[keras.Model, TrainingSpec, Manifest | None]:
    if not spec.fine_tune:
        spec = replace(spec, architecture=replace(spec.architecture, classes=radiographs.classes))
        model = builder.build(spec.architecture)
        if spec.imagenet:
            builder.load_imagenet(model, imagenet)
        return model, spec, None
    if start_from is None:
        raise NoUsableNetwork("There is no network in force to start from.")
    old, parent = bundle.load_network(start_from)
    # A finding that the radiographs at hand do not hold is not forgotten: its output stays.
    classes = in_order({*parent.architecture.classes, *radiographs.classes})
    arch = replace(parent.architecture, classes=classes)
    spec = replace(spec, architecture=arch, preprocessing=parent.preprocessing)
    return _with_classes(old, parent.architecture, arch), spec, parent


def _with_classes(old: keras.Model, before: Architecture, after: Architecture) -> keras.Model:
    if before.classes == after.classes:
        return old
    new = builder.build(after)
    for layer in old.layers[:-1]:
        new.get_layer(layer.name).set_weights(layer.get_weights())
    kernel, bias = new.get_layer("logits").get_weights()
    old_kernel, old_bias = old.get_layer("logits").get_weights()
    for place, label in enumerate(before.classes):
        kernel[:, after.classes.index(label)] = old_kernel[:, place]
        bias[after.classes.index(label)] = old_bias[place]
    new.get_layer("logits").set_weights([kernel, bias])
    return new


def _stores(
    radiographs: Split, spec: TrainingSpec, should_stop: ShouldStop, checkpoints: Path | None
) -> tuple[ImageStore, ImageStore]:
    side = max(CACHE_SIDE, spec.preprocessing.size)
    if checkpoints and found_in(checkpoints):
        should_stop = (
            _never  # whoever stops a resumed training wants its best epoch, which the radiographs name
        )
    learning = load(radiographs.train, spec.preprocessing, side=side, should_stop=should_stop)
    checking = load(radiographs.validation, spec.preprocessing, side=side, should_stop=should_stop)
    if not learning.radiographs or not checking.radiographs:
        raise NoUsableNetwork("No radiograph could be read to learn from.")
    return learning, checking


def _key(lesson: TrainingLoop) -> str:
    recipe = json.dumps(lesson.spec.to_json(), sort_keys=True)
    parts = [recipe, lesson.precision, lesson.learning.digest, lesson.checking.digest]
    return key_of(parts, lesson.twin.get_weights())


def _resume(lesson: TrainingLoop, keeper: Checkpoints | None) -> list[str]:
    if keeper is None:
        return []
    state, notes = keeper.newest()
    if state is not None:
        lesson.resume(state)
    return list(notes)


def _keep(keeper: Checkpoints, notes: list[str], state: State) -> None:
    try:
        keeper.save(state)
    except OSError:  # the training itself is sound, and a disk may have room again when it ends
        notes.append(f"epoch-{len(state.reports):06d}: not stored")


def _calibrated(out: Path, manifest: Manifest, learning: ImageStore, checking: ImageStore) -> Manifest:
    if keras.backend.backend() != "tensorflow":
        return manifest  # calibration explains radiographs, with TensorFlow's gradients
    from ml.inference import calibration

    return calibration.calibrate(out, checking.radiographs, learning=learning.radiographs)


def _manifest(
    radiographs: Split, parent: Manifest | None, lesson: TrainingLoop, progress: dict[str, Any]
) -> Manifest:
    spec = lesson.spec
    classes = spec.architecture.classes
    left_out = [*radiographs.left_out, *lesson.learning.left_out, *lesson.checking.left_out]
    training: dict[str, Any] = {
        "spec": spec.to_json(),
        "fingerprint": fingerprint([*radiographs.train, *radiographs.validation]),
        "counts": radiographs.counts(),
        "precision": lesson.precision,
        "left_out": _reasons(left_out),
        "steps": lesson.course.done,
        "seconds": round(lesson.course.elapsed, 1),
        "kept_epoch": lesson.best.epoch,
        "stopped": not lesson.course.finished,
        "epochs": [vars(report) for report in lesson.reports],
        **progress,
    }
    return Manifest(
        version="candidate",
        architecture=spec.architecture,
        preprocessing=spec.preprocessing,
        operating_points=dict.fromkeys(classes, 0.5),
        heatmap_reference=dict.fromkeys(classes, 1.0),
        training=training,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        parent=parent.version if parent else "",
    )


def _reasons(left_out: list[Exclusion]) -> list[dict[str, str]]:
    return [{"radiograph": item.radiograph.path.name, "reason": item.reason} for item in left_out]


def _never() -> bool:
    return False
