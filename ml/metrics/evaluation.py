"""Measure a bundle on radiographs with a known finding, and compare two versions on the same radiographs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.datasets.patient_split import Exclusion
from ml.images.preprocessing import prepare
from ml.images.reading import read_radiograph
from ml.metrics.comparison import Comparison, compare
from ml.metrics.evaluation_result import Evaluation, from_logits
from ml.networks import bundle
from ml.records import LabelledImage, Preprocessing, UnreadableImage

__all__ = ["Comparison", "Evaluation", "compare", "evaluate"]

BATCH: Final = 16

Prepared = tuple[LabelledImage, NDArray[np.float32]]


def evaluate(
    bundle_dir: Path, radiographs: Sequence[LabelledImage], *, should_stop: Callable[[], bool] = lambda: False
) -> Evaluation:
    """Classify radiographs with a bundle and compare with what is known of them.

    Raises BundleError, and ValueError if no radiograph can be read. `should_stop` leaves the rest of the radiographs out.
    """
    model, manifest = bundle.load_network(bundle_dir)
    kept: list[LabelledImage] = []
    left_out: list[Exclusion] = []
    logits: list[NDArray[np.float64]] = []
    for pieces in _batches(_readable(radiographs, manifest.preprocessing, left_out, should_stop)):
        kept.extend(radiograph for radiograph, _ in pieces)
        answers = model.predict_on_batch(np.stack([pixels for _, pixels in pieces]))
        logits.append(np.asarray(answers, np.float64))
    if not kept:
        raise ValueError("No radiograph could be read.")
    return from_logits(manifest, kept, np.concatenate(logits), left_out)


def _readable(
    radiographs: Sequence[LabelledImage],
    prep: Preprocessing,
    left_out: list[Exclusion],
    should_stop: Callable[[], bool],
) -> Iterator[Prepared]:
    for radiograph in radiographs:
        if should_stop():
            left_out.append(Exclusion(radiograph, "stopped"))
            continue
        try:
            yield radiograph, prepare(read_radiograph(radiograph.path.read_bytes()).grey, prep)[0]
        except (UnreadableImage, OSError) as trouble:
            left_out.append(Exclusion(radiograph, getattr(trouble, "code", "unreadable")))


def _batches(radiographs: Iterator[Prepared]) -> Iterator[list[Prepared]]:
    while piece := list(islice(radiographs, BATCH)):
        yield piece
