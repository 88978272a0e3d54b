"""Cache of the features that frozen layers compute for each image, to train the layers after them."""

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

MAX_MEMORY: Final = 1_000_000_000  # bytes; larger arrays are stored in an unnamed file
DTYPE: Final = np.float16
SALT: Final = 7_919  # makes the random numbers of variants differ from those of batches

HalfArray = NDArray[np.float16]
Image = NDArray[np.float32]


@dataclass(frozen=True)
class CachedFeatures:
    """Outputs of the frozen layers, (images, variants, ...), float16."""

    values: HalfArray

    def __call__(self, index: int, random: np.random.Generator) -> Image:
        """Return the features of a random variant of the image at `index`, float32."""
        return self.values[index, random.integers(self.values.shape[1])].astype(np.float32)


def split_model(model: keras.Model, first_trainable: str) -> tuple[keras.Model, keras.Model]:
    """Return the layers before `first_trainable` and those from it on; both share weights with `model`.

    Dropout directly before the layer counts as trainable: cached, its mask would never change. Raises
    ValueError for an unknown layer.
    """
    index = [layer.name for layer in model.layers].index(first_trainable)
    while isinstance(model.layers[index - 1], keras.layers.Dropout):
        index -= 1
    features = model.layers[index].input
    return keras.Model(model.input, features), keras.Model(features, model.output)


def variants_of(augmented: AugmentedImages, *, variants: int, seed: int) -> Iterator[Image]:
    """Yield each image unchanged and then `variants` - 1 times augmented; equal seeds, equal images."""
    unchanged = replace(augmented, strength=0.0, mirror=False)
    for index in range(len(augmented.store.radiographs)):
        for number in range(variants):
            random = np.random.default_rng((SALT, seed, index, number))
            yield (augmented if number else unchanged)(index, random)


def compute(
    trunk: keras.Model,
    images: Iterable[Image],
    *,
    shape: tuple[int, int],
    batch_size: int,
    folder: Path,
    should_stop: Callable[[], bool] = lambda: False,
) -> CachedFeatures | None:
    """Return the outputs of `trunk` in inference mode; None once `should_stop` returns True.

    `shape` is (images, variants). Values outside the range of float16 (65,504) are clipped. An array above
    MAX_MEMORY is stored in `folder`; raises OSError if the disk is full, ValueError without images.
    """
    flat: HalfArray | None = None
    start = 0
    for batch in _batched(images, batch_size):
        if should_stop():
            return None
        outputs = np.asarray(trunk.predict_on_batch(batch), np.float32)
        if flat is None:
            flat = _allocate((shape[0] * shape[1], *outputs.shape[1:]), folder)
        flat[start : start + len(batch)] = np.clip(outputs, np.finfo(DTYPE).min, np.finfo(DTYPE).max)
        start += len(batch)
    if flat is None:
        raise ValueError("There are no images.")
    return CachedFeatures(flat.reshape(*shape, *flat.shape[1:]))


def _batched(images: Iterable[Image], size: int) -> Iterator[NDArray[np.float32]]:
    remaining = iter(images)
    while batch := list(islice(remaining, size)):
        yield np.stack(batch)


def _allocate(shape: tuple[int, ...], folder: Path) -> HalfArray:
    if np.dtype(DTYPE).itemsize * int(np.prod(shape)) <= MAX_MEMORY:
        return np.empty(shape, DTYPE)
    folder.mkdir(parents=True, exist_ok=True)
    # The system deletes an unnamed file when the process ends, however it ends.
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, DTYPE, "w+", shape=shape)
