"""Training of a network on a split of radiographs; the result is a bundle."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import keras

from ml.datasets.batches import ImageStore, load
from ml.datasets.hashing import fingerprint
from ml.datasets.patient_split import Split
from ml.networks import bundle
from ml.recipes import TrainingSpec
from ml.records import EpochReport, Manifest
from ml.training.checkpoint import Checkpoints, TrainingState, checkpoint_files, training_key
from ml.training.errors import NoUsableNetwork
from ml.training.initial_network import initial_network
from ml.training.loop import OnBatch, OnEpoch, TrainingLoop
from ml.training.stages import ShouldStop

__all__ = ["NoUsableNetwork", "train"]

CACHE_SIDE: Final = 256  # pixels of the images in memory, or the input size of the network if that is larger

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
    on_batch: OnBatch = lambda _done, _total: None,
) -> Manifest:
    """Train and write a bundle into `out`; raises NoUsableNetwork, BundleError or OSError.

    `should_stop` is called before every batch; once it returns True the selected epoch up to then is the
    result. Equal radiographs, seed and machine give an equal network, unless the recipe limits the time.
    `imagenet` is the Keras weights file of an ImageNet recipe; without it Keras downloads the weights.
    `checkpoints` is a folder for the state after each epoch: a later call with the same radiographs and
    recipe resumes from it and gives the same result. `on_begin` receives the completed epochs once, none in a
    first attempt, `on_batch` the completed batches of the epoch and their number. Checkpoints that are
    damaged, of another training or not storable are skipped and noted in the manifest. With a
    Keras backend other than TensorFlow the bundle is not calibrated.
    """
    keras.utils.set_random_seed(spec.seed)
    model, spec, parent = initial_network(spec, radiographs.classes, start_from=start_from, imagenet=imagenet)
    training_images, validation_images = _load_images(radiographs, spec, should_stop, checkpoints)
    loop = TrainingLoop(model, spec, training_images, validation_images, out.parent)
    store = Checkpoints(checkpoints, _key(loop)) if checkpoints else None
    notes = _resume(loop, store)
    on_begin(tuple(loop.reports))
    resumed_after = len(loop.reports)
    on_state = partial(_save_checkpoint, store, notes) if store else None
    loop.run(on_epoch, should_stop, on_state, on_batch)
    if not loop.selected.weights:
        raise NoUsableNetwork("The training was stopped before the end of its first epoch.")
    model.set_weights(loop.selected.weights)
    attempt = {"resumed_after": resumed_after, "notes": notes} if checkpoints else {}
    manifest = bundle.write(out, model, _manifest(radiographs, parent, loop, attempt))
    return _calibrated(out, manifest, training_images, validation_images)


def _load_images(
    radiographs: Split, spec: TrainingSpec, should_stop: ShouldStop, checkpoints: Path | None
) -> tuple[ImageStore, ImageStore]:
    side = max(CACHE_SIDE, spec.preprocessing.size)
    if checkpoints and checkpoint_files(checkpoints):
        # A stopped resumed training returns its selected epoch; to find it, the images must be complete.
        should_stop = _never
    training_images = load(radiographs.train, spec.preprocessing, side=side, should_stop=should_stop)
    validation_images = load(radiographs.validation, spec.preprocessing, side=side, should_stop=should_stop)
    if not training_images.radiographs or not validation_images.radiographs:
        raise NoUsableNetwork("No training or no validation image could be decoded.")
    return training_images, validation_images


def _never() -> bool:
    return False


def _key(loop: TrainingLoop) -> str:
    recipe = json.dumps(loop.spec.to_json(), sort_keys=True)
    parts = [recipe, loop.precision, loop.training_images.digest, loop.validation_images.digest]
    return training_key(parts, loop.training_copy.get_weights())


def _resume(loop: TrainingLoop, store: Checkpoints | None) -> list[str]:
    if store is None:
        return []
    state, notes = store.load_newest()
    if state is not None:
        loop.resume(state)
    return list(notes)


def _save_checkpoint(store: Checkpoints, notes: list[str], state: TrainingState) -> None:
    try:
        store.save(state)
    except OSError:  # the training can go on, and the disk may have space again at its end
        notes.append(f"epoch-{len(state.reports):06d}: not stored")


def _manifest(
    radiographs: Split, parent: Manifest | None, loop: TrainingLoop, attempt: dict[str, Any]
) -> Manifest:
    spec = loop.spec
    classes = spec.architecture.classes
    exclusions = (
        *radiographs.exclusions,
        *loop.training_images.exclusions,
        *loop.validation_images.exclusions,
    )
    training: dict[str, Any] = {
        "spec": spec.to_json(),
        "fingerprint": fingerprint([*radiographs.train, *radiographs.validation]),
        "counts": radiographs.counts(),
        "precision": loop.precision,
        "exclusions": [
            {"radiograph": each.radiograph.path.name, "reason": each.reason} for each in exclusions
        ],
        "steps": loop.progress.steps_done,
        "seconds": round(loop.progress.elapsed, 1),
        "selected_epoch": loop.selected.epoch,
        "stopped": not loop.progress.finished,
        "epochs": [vars(report) for report in loop.reports],
        **attempt,
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


def _calibrated(
    out: Path, manifest: Manifest, training_images: ImageStore, validation_images: ImageStore
) -> Manifest:
    if keras.backend.backend() != "tensorflow":
        return manifest  # calibration computes heatmaps, which needs TensorFlow's gradients
    from ml.inference import calibration

    return calibration.calibrate(
        out, validation_images.radiographs, training_images=training_images.radiographs
    )
