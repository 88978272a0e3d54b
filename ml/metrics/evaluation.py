"""Evaluation of a bundle on labelled radiographs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.datasets.exclusions import Exclusion, reason_of
from ml.errors import UnreadableImage
from ml.images.decoding import decode_radiograph
from ml.images.preprocessing import prepare
from ml.metrics.comparison import Comparison, compare
from ml.metrics.evaluation_result import Evaluation, from_logits
from ml.networks import bundle
from ml.records import LabelledImage, Preprocessing

__all__ = ["Comparison", "Evaluation", "compare", "evaluate"]

BATCH: Final = 16

Prepared = tuple[LabelledImage, NDArray[np.float32]]


def evaluate(
    bundle_dir: Path, radiographs: Sequence[LabelledImage], *, should_stop: Callable[[], bool] = lambda: False
) -> Evaluation:
    """Classify radiographs with a bundle and compare the predictions with the labels.

    Undecodable files are listed as exclusions, and so is the rest once `should_stop` returns True.
    Raises BundleError, and ValueError if no radiograph can be decoded.
    """
    model, manifest = bundle.load_network(bundle_dir)
    decoded: list[LabelledImage] = []
    exclusions: list[Exclusion] = []
    logits: list[NDArray[np.float64]] = []
    for batch in _batches(_inputs(radiographs, manifest.preprocessing, exclusions, should_stop)):
        decoded.extend(radiograph for radiograph, _ in batch)
        outputs = model.predict_on_batch(np.stack([pixels for _, pixels in batch]))
        logits.append(np.asarray(outputs, np.float64))
    if not decoded:
        raise ValueError("No radiograph could be decoded.")
    return from_logits(manifest, decoded, np.concatenate(logits), exclusions)


def _inputs(
    radiographs: Sequence[LabelledImage],
    prep: Preprocessing,
    exclusions: list[Exclusion],
    should_stop: Callable[[], bool],
) -> Iterator[Prepared]:
    for radiograph in radiographs:
        if should_stop():
            exclusions.append(Exclusion(radiograph, "stopped"))
            continue
        try:
            yield radiograph, prepare(decode_radiograph(radiograph.path.read_bytes()).grey, prep)[0]
        except (UnreadableImage, OSError) as error:
            exclusions.append(Exclusion(radiograph, reason_of(error)))


def _batches(inputs: Iterator[Prepared]) -> Iterator[list[Prepared]]:
    while batch := list(islice(inputs, BATCH)):
        yield batch
