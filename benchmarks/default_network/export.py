"""Export of the newest checkpoint's averaged weights as a bundle, which still has to be calibrated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf

from benchmarks.default_network import radiographs as cached
from benchmarks.default_network.checkpoints import NumberedCheckpoints, Progress, read_checkpoint
from benchmarks.default_network.evaluator import Evaluator
from benchmarks.default_network.recipe import CLASSES, PRESET, LongRecipe, stored_recipe
from benchmarks.default_network.run import with_averages
from benchmarks.default_network.sampling import BatchSampler
from ml.networks import builder, bundle
from ml.recipes import get_recipe
from ml.records import Manifest, Preprocessing

EXPORT_BATCHES: Final = 100  # of the recalibration of batch normalisation


def export(folder: Path, data: Path, out: Path, size: int, earlier: Sequence[Path] = ()) -> None:
    """Write a bundle that is served at `size` pixels and print its validation metrics.

    Its weights are the averages of the newest checkpoint, averaged again with those of `earlier` ones.
    """
    tf.config.threading.set_intra_op_parallelism_threads(1)  # a training beside it has the other core
    recipe = stored_recipe(folder)
    found = NumberedCheckpoints(folder / "checkpoints").load()
    if found is None:
        raise SystemExit("There is no checkpoint to export yet.")
    arrays, progress = found
    radiographs = cached.load(data, folder / "cache")
    evaluator = Evaluator(radiographs, BatchSampler(radiographs, recipe))
    evaluator.network.set_weights(arrays["weights"])
    others = [read_checkpoint(path) for path in earlier]
    averages = [arrays["ema"], *(other["ema"] for other, _progress in others)]
    mean = [np.asarray(np.mean(same, axis=0, dtype=np.float32)) for same in zip(*averages, strict=True)]
    weights = with_averages(evaluator.network, mean)
    evaluator.take(weights, size=size, batches=EXPORT_BATCHES)
    metrics = evaluator.measure(size)
    steps = [progress.step, *(other.step for _arrays, other in others)]
    _write(out, evaluator, recipe, progress, size=size, metrics=metrics | {"averaged_steps": sorted(steps)})
    print(json.dumps({"step": progress.step, "size": size, **metrics}))


def _write(
    out: Path,
    evaluator: Evaluator,
    recipe: LongRecipe,
    progress: Progress,
    *,
    size: int,
    metrics: dict[str, Any],
) -> None:
    architecture = replace(get_recipe(PRESET).architecture, size=size, classes=CLASSES)
    preprocessing = Preprocessing(size=size)
    network = builder.build(architecture)
    network.set_weights(evaluator.network.get_weights())
    spec = {
        **asdict(recipe),
        "preset": "vgg16-default",
        "architecture": asdict(architecture),
        "preprocessing": asdict(preprocessing),
    }
    shares = evaluator.sampler.shares.items()
    manifest = Manifest(
        version="candidate",
        architecture=architecture,
        preprocessing=preprocessing,
        operating_points=dict.fromkeys(CLASSES, 0.5),
        heatmap_reference=dict.fromkeys(CLASSES, 1.0),
        training={
            "spec": spec,
            "progress": asdict(progress),
            "shares": {f"{label}, {source}": round(share, 4) for (label, source), share in shares},
            "radiographs": evaluator.radiographs.facts,
            "validation": metrics,
        },
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    bundle.write(out, network, manifest)
    bundle.load_network(out)
