"""Radiographs in memory and the batches drawn from them; the same seed draws the same batches."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.datasets.augmentation import augment
from ml.datasets.patient_split import Exclusion
from ml.images.preprocessing import scale_values, to_square
from ml.images.reading import read_radiograph
from ml.recipes import Balance
from ml.records import LabelledImage, Preprocessing, UnreadableImage

PREFETCHED_BATCHES: Final = 4  # batches prepared while the network computes
MAX_CLASS_WEIGHT: Final = 4.0  # a class weighs, however rare it is

Batch = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]
Example = Callable[
    [int, np.random.Generator], NDArray[np.float32]
]  # a radiograph's place -> the network's input


@dataclass(frozen=True)
class ImageStore:
    """Square radiographs as bytes, with the labels and sources they carry."""

    pixels: NDArray[np.uint8]  # (n, side, side)
    radiographs: tuple[LabelledImage, ...]
    left_out: tuple[Exclusion, ...]

    @property
    def digest(self) -> str:
        """Name what is learnt from, in its order (SHA-256): pixels, classes, patients, sources."""
        found = hashlib.sha256(np.ascontiguousarray(self.pixels).data)
        for radiograph in self.radiographs:
            found.update(f"{radiograph.label}\n{radiograph.patient}\n{radiograph.source}\n".encode())
        return found.hexdigest()

    def targets(self, classes: Sequence[str]) -> NDArray[np.int_]:
        """Return each radiograph's class as its place in `classes`."""
        return np.array([classes.index(radiograph.label) for radiograph in self.radiographs], dtype=np.int_)

    def inputs(self, prep: Preprocessing) -> NDArray[np.float32]:
        """Return every radiograph as the network's input, unchanged: (n, size, size, channels)."""
        if not self.radiographs:
            return np.empty((0, prep.size, prep.size, prep.channels), np.float32)
        return np.stack(list(self.images(prep)))

    def images(self, prep: Preprocessing) -> Iterator[NDArray[np.float32]]:
        """Yield the radiographs one by one as `inputs` gives them together."""
        for pixels in self.pixels:
            yield scale_values(to_square(pixels.astype(np.float32) / np.float32(255), prep)[0], prep)


def load(
    radiographs: Sequence[LabelledImage],
    prep: Preprocessing,
    *,
    side: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> ImageStore:
    """Read radiographs into squares of `side` pixels; those that cannot be read are left out and named."""
    square = replace(prep, size=side)
    pixels: list[NDArray[np.uint8]] = []
    kept: list[LabelledImage] = []
    left_out: list[Exclusion] = []
    for radiograph in radiographs:
        if should_stop():
            break
        try:
            grey = read_radiograph(radiograph.path.read_bytes()).grey
        except (UnreadableImage, OSError) as trouble:
            left_out.append(Exclusion(radiograph, getattr(trouble, "code", "unreadable")))
            continue
        pixels.append(np.rint(to_square(grey, square)[0] * 255).astype(np.uint8))
        kept.append(radiograph)
    stacked = np.stack(pixels) if pixels else np.empty((0, side, side), np.uint8)
    return ImageStore(stacked, tuple(kept), tuple(left_out))


def sampling_weights(radiographs: Sequence[LabelledImage]) -> NDArray[np.float64]:
    """Return how likely each radiograph is to be drawn: classes equally, and within a class sources by sqrt(n).

    A cell of class and source with n radiographs weighs n * 1/sqrt(n), so that the large collection of a class does
    not drown the small ones that also hold the other classes.
    """
    cells = Counter((radiograph.label, radiograph.source) for radiograph in radiographs)
    weights = np.array([cells[radiograph.label, radiograph.source] ** -0.5 for radiograph in radiographs])
    labels = np.array([radiograph.label for radiograph in radiographs])
    for label in set(labels):
        weights[labels == label] /= weights[labels == label].sum()
    chance: NDArray[np.float64] = weights / weights.sum()
    return chance


def class_weights(radiographs: Sequence[LabelledImage]) -> NDArray[np.float32]:
    """Give each radiograph's weight in the loss: n / (classes * radiographs of its class), at most 4 (trust.md 8)."""
    counts = Counter(radiograph.label for radiograph in radiographs)
    weights = [
        min(MAX_CLASS_WEIGHT, len(radiographs) / (len(counts) * counts[radiograph.label]))
        for radiograph in radiographs
    ]
    return np.array(weights, dtype=np.float32)


@dataclass(frozen=True)
class AugmentedImages:
    """Radiographs changed anew each time they are drawn: (size, size, channels) float32."""

    store: ImageStore
    prep: Preprocessing
    strength: float
    mirror: bool = False

    def __call__(self, place: int, random: np.random.Generator) -> NDArray[np.float32]:
        """Make a variant of one radiograph."""
        changed = augment(self.store.pixels[place], self.prep.size, self.strength, random, mirror=self.mirror)
        return scale_values(changed.astype(np.float32) / np.float32(255), self.prep)


@dataclass(frozen=True)
class Sampler:
    """Draws training batches; batch number k is the same for the same seed, whatever the threads do."""

    radiographs: tuple[LabelledImage, ...]
    classes: tuple[str, ...]
    example: Example
    batch_size: int
    seed: int
    balance: Balance = "sampling"

    def stream(self, *, first: int) -> Generator[Batch, None, None]:
        """Yield batches for ever, starting with number `first`."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            waiting = [pool.submit(self.draw, first + k) for k in range(PREFETCHED_BATCHES)]
            number = first + PREFETCHED_BATCHES
            try:
                while True:
                    yield waiting.pop(0).result()
                    waiting.append(pool.submit(self.draw, number))
                    number += 1
            finally:
                pool.shutdown(cancel_futures=True)

    def draw(self, number: int) -> Batch:
        """Return batch `number`: examples, one-hot classes, and what each counts (None: the same)."""
        random = np.random.default_rng((self.seed, number))
        chosen = random.choice(len(self.radiographs), self.batch_size, p=self._chances)
        examples = np.stack([self.example(place, random) for place in chosen])
        truth = np.eye(len(self.classes), dtype=np.float32)[self._targets[chosen]]
        return examples, truth, None if self._weights is None else self._weights[chosen]

    @cached_property
    def _chances(self) -> NDArray[np.float64] | None:
        return sampling_weights(self.radiographs) if self.balance == "sampling" else None

    @cached_property
    def _weights(self) -> NDArray[np.float32] | None:
        return class_weights(self.radiographs) if self.balance == "weights" else None

    @cached_property
    def _targets(self) -> NDArray[np.int_]:
        return np.array(
            [self.classes.index(radiograph.label) for radiograph in self.radiographs], dtype=np.int_
        )
