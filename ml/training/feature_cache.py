"""What a frozen trunk makes of each radiograph, computed once, for the layers behind it to learn from."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from ml.datasets.batches import AugmentedImages

LARGEST_IN_MEMORY: Final = 1_000_000_000  # bytes; more lie in a nameless file
STORED: Final = np.float16
SALT: Final = 7_919  # keeps the variants' random numbers apart from the batches'

Half = NDArray[np.float16]
Image = NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """The trunk's answers (radiographs, variants, ...) in float16."""

    values: Half

    def __call__(self, place: int, random: np.random.Generator) -> Image:
        """Return one of a radiograph's variants, drawn evenly."""
        return self.values[place, random.integers(self.values.shape[1])].astype(np.float32)


def cut(model: keras.Model, learns_from: str) -> tuple[keras.Model, keras.Model]:
    """Part a network before one of its layers: what stands still, and what learns; they share its weights.

    Dropout directly before the layer belongs to what learns, or its mask would be the same for ever.
    Raises ValueError if there is no such layer.
    """
    at = [layer.name for layer in model.layers].index(learns_from)
    while isinstance(model.layers[at - 1], keras.layers.Dropout):
        at -= 1
    between = model.layers[at].input
    return keras.Model(model.input, between), keras.Model(between, model.output)


def variants_of(fresh: AugmentedImages, *, variants: int, seed: int) -> Iterator[Image]:
    """Yield each radiograph as it is and then `variants` - 1 changed copies; the same seed gives the same."""
    plain = replace(fresh, strength=0.0, mirror=False)
    for place in range(len(fresh.store.radiographs)):
        for number in range(variants):
            random = np.random.default_rng((SALT, seed, place, number))
            yield (fresh if number else plain)(place, random)


def compute(
    trunk: keras.Model,
    images: Iterable[Image],
    *,
    shape: tuple[int, int],
    batch_size: int,
    folder: Path,
    should_stop: Callable[[], bool] = lambda: False,
) -> Features | None:
    """Run images through the trunk in inference mode; `shape` is (radiographs, variants); None when asked to stop.

    The same images and network give the same features. Values outside float16's range (65,504) are cut to
    it. What exceeds the memory's share lies in `folder`; raises OSError where the disk has no room.
    """
    flat: Half | None = None
    at = 0
    for batch in _batched(images, batch_size):
        if should_stop():
            return None
        answers = np.asarray(trunk.predict_on_batch(batch), np.float32)
        if flat is None:
            flat = _room((shape[0] * shape[1], *answers.shape[1:]), folder)
        flat[at : at + len(batch)] = np.clip(answers, np.finfo(STORED).min, np.finfo(STORED).max)
        at += len(batch)
    if flat is None:
        raise ValueError("There are no radiographs.")
    return Features(flat.reshape(*shape, *flat.shape[1:]))


def _batched(images: Iterable[Image], size: int) -> Iterator[NDArray[np.float32]]:
    remaining = iter(images)
    while batch := list(islice(remaining, size)):
        yield np.stack(batch)


def _room(shape: tuple[int, ...], folder: Path) -> Half:
    if np.dtype(STORED).itemsize * int(np.prod(shape)) <= LARGEST_IN_MEMORY:
        return np.empty(shape, STORED)
    folder.mkdir(parents=True, exist_ok=True)
    # A file without a name is gone with the process, however that ends.
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, STORED, "w+", shape=shape)
