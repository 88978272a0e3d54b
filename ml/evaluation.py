"""Measure a bundle on films with a known finding, and compare two versions on the same films."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml import bundle
from ml.comparison import Comparison, compare
from ml.dataset import LeftOut
from ml.figures import Evaluation, from_logits
from ml.imaging import prepare, read_film
from ml.records import LabelledFilm, Preprocessing, UnreadableImage

__all__ = ["Comparison", "Evaluation", "compare", "evaluate"]

BATCH: Final = 16

Prepared = tuple[LabelledFilm, NDArray[np.float32]]


def evaluate(
    bundle_dir: Path, films: Sequence[LabelledFilm], *, should_stop: Callable[[], bool] = lambda: False
) -> Evaluation:
    """Classify films with a bundle and compare with what is known of them.

    Raises BundleError, and ValueError if no film can be read. `should_stop` leaves the rest of the films out.
    """
    model, manifest = bundle.load_network(bundle_dir)
    kept: list[LabelledFilm] = []
    left_out: list[LeftOut] = []
    logits: list[NDArray[np.float64]] = []
    for pieces in _batches(_readable(films, manifest.preprocessing, left_out, should_stop)):
        kept.extend(film for film, _ in pieces)
        answers = model.predict_on_batch(np.stack([pixels for _, pixels in pieces]))
        logits.append(np.asarray(answers, np.float64))
    if not kept:
        raise ValueError("No film could be read.")
    return from_logits(manifest, kept, np.concatenate(logits), left_out)


def _readable(
    films: Sequence[LabelledFilm],
    prep: Preprocessing,
    left_out: list[LeftOut],
    should_stop: Callable[[], bool],
) -> Iterator[Prepared]:
    for film in films:
        if should_stop():
            left_out.append(LeftOut(film, "stopped"))
            continue
        try:
            yield film, prepare(read_film(film.path.read_bytes()).grey, prep)[0]
        except (UnreadableImage, OSError) as trouble:
            left_out.append(LeftOut(film, getattr(trouble, "code", "unreadable")))


def _batches(films: Iterator[Prepared]) -> Iterator[list[Prepared]]:
    while piece := list(islice(films, BATCH)):
        yield piece
