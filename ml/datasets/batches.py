"""Images in memory and the training batches sampled from them; equal seeds give equal batches."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ml.datasets.augmentation import augment
from ml.datasets.exclusions import Exclusion, reason_of
from ml.errors import UnreadableImage
from ml.images.decoding import decode_radiograph
from ml.images.preprocessing import scale_values, to_square
from ml.recipes import Balance
from ml.records import LabelledImage, Preprocessing

PREFETCHED_BATCHES: Final = 4  # batches prepared while the network computes
MAX_CLASS_WEIGHT: Final = 4.0  # limit of a loss weight, however rare the class

T = TypeVar("T")
Batch = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]
InputFunction = Callable[[int, np.random.Generator], NDArray[np.float32]]  # image index -> network input


@dataclass(frozen=True)
class ImageStore:
    """Square 8-bit images with their labels and sources."""

    pixels: NDArray[np.uint8]  # (n, side, side)
    radiographs: tuple[LabelledImage, ...]
    exclusions: tuple[Exclusion, ...]

    @property
    def digest(self) -> str:
        """Return the SHA-256 of pixels, labels, patients and sources, in their order."""
        digest = hashlib.sha256(np.ascontiguousarray(self.pixels).data)
        for radiograph in self.radiographs:
            digest.update(f"{radiograph.label}\n{radiograph.patient}\n{radiograph.source}\n".encode())
        return digest.hexdigest()

    def targets(self, classes: Sequence[str]) -> NDArray[np.int_]:
        """Return the index of each label in `classes`, (n,)."""
        return np.array([classes.index(radiograph.label) for radiograph in self.radiographs], dtype=np.int_)

    def inputs(self, prep: Preprocessing) -> NDArray[np.float32]:
        """Return the network inputs of all images without augmentation, (n, size, size, channels)."""
        if not self.radiographs:
            return np.empty((0, prep.size, prep.size, prep.channels), np.float32)
        return np.stack(list(self.images(prep)))

    def images(self, prep: Preprocessing) -> Iterator[NDArray[np.float32]]:
        """Yield the inputs that `inputs` returns one by one, (size, size, channels) each."""
        for pixels in self.pixels:
            yield scale_values(to_square(pixels.astype(np.float32) / np.float32(255), prep)[0], prep)


def load(
    radiographs: Sequence[LabelledImage],
    prep: Preprocessing,
    *,
    side: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> ImageStore:
    """Decode radiographs to squares of `side` pixels; undecodable files are listed as exclusions.

    `should_stop` is called before each file; the rest is skipped once it returns True.
    """
    square = replace(prep, size=side)
    pixels: list[NDArray[np.uint8]] = []
    decoded: list[LabelledImage] = []
    exclusions: list[Exclusion] = []
    for radiograph in radiographs:
        if should_stop():
            break
        try:
            grey = decode_radiograph(radiograph.path.read_bytes()).grey
        except (UnreadableImage, OSError) as error:
            exclusions.append(Exclusion(radiograph, reason_of(error)))
            continue
        pixels.append(np.rint(to_square(grey, square)[0] * 255).astype(np.uint8))
        decoded.append(radiograph)
    stacked = np.stack(pixels) if pixels else np.empty((0, side, side), np.uint8)
    return ImageStore(stacked, tuple(decoded), tuple(exclusions))


def sampling_weights(radiographs: Sequence[LabelledImage]) -> NDArray[np.float64]:
    """Return the sampling probabilities (n,): equal for classes, by sqrt(n) for sources in a class.

    The n images of one class and source together weigh n / sqrt(n), so that one large collection of a class
    does not dominate the small collections that contain several classes.
    """
    cells = Counter((radiograph.label, radiograph.source) for radiograph in radiographs)
    weights = np.array([cells[radiograph.label, radiograph.source] ** -0.5 for radiograph in radiographs])
    labels = np.array([radiograph.label for radiograph in radiographs])
    for label in set(labels):
        weights[labels == label] /= weights[labels == label].sum()
    probabilities: NDArray[np.float64] = weights / weights.sum()
    return probabilities


def class_weights(radiographs: Sequence[LabelledImage]) -> NDArray[np.float32]:
    """Return the loss weights (n,): n / (classes * images of the class), at most MAX_CLASS_WEIGHT."""
    counts = Counter(radiograph.label for radiograph in radiographs)
    weights = [
        min(MAX_CLASS_WEIGHT, len(radiographs) / (len(counts) * counts[radiograph.label]))
        for radiograph in radiographs
    ]
    return np.array(weights, dtype=np.float32)


@dataclass(frozen=True)
class AugmentedImages:
    """Network inputs with a new random augmentation at each call."""

    store: ImageStore
    prep: Preprocessing
    strength: float
    mirror: bool = False

    def __call__(self, index: int, random: np.random.Generator) -> NDArray[np.float32]:
        """Return an augmented input of the image at `index`, (size, size, channels)."""
        image = augment(self.store.pixels[index], self.prep.size, self.strength, random, mirror=self.mirror)
        return scale_values(image.astype(np.float32) / np.float32(255), self.prep)


def prefetched(draw: Callable[[int], T], *, first: int) -> Generator[T, None, None]:
    """Yield draw(first), draw(first + 1) and so on without end, and compute the next ones in a thread."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        pending = [pool.submit(draw, first + k) for k in range(PREFETCHED_BATCHES)]
        number = first + PREFETCHED_BATCHES
        try:
            while True:
                yield pending.pop(0).result()
                pending.append(pool.submit(draw, number))
                number += 1
        finally:
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class Sampler:
    """Training batches; batch number k depends on the seed alone, not on the thread that computes it."""

    radiographs: tuple[LabelledImage, ...]
    classes: tuple[str, ...]
    input_of: InputFunction
    batch_size: int
    seed: int
    balance: Balance = "sampling"

    def stream(self, *, first: int) -> Generator[Batch, None, None]:
        """Yield batches without end, starting with number `first`, and compute the next ones in a thread."""
        return prefetched(self.draw, first=first)

    def draw(self, number: int) -> Batch:
        """Return batch `number`: inputs, one-hot targets (n, classes), loss weights (n,) or None if equal."""
        random = np.random.default_rng((self.seed, number))
        chosen = random.choice(len(self.radiographs), self.batch_size, p=self._probabilities)
        inputs = np.stack([self.input_of(index, random) for index in chosen])
        targets = np.eye(len(self.classes), dtype=np.float32)[self._targets[chosen]]
        return inputs, targets, None if self._weights is None else self._weights[chosen]

    @cached_property
    def _probabilities(self) -> NDArray[np.float64] | None:
        return sampling_weights(self.radiographs) if self.balance == "sampling" else None

    @cached_property
    def _weights(self) -> NDArray[np.float32] | None:
        return class_weights(self.radiographs) if self.balance == "weights" else None

    @cached_property
    def _targets(self) -> NDArray[np.int_]:
        return np.array(
            [self.classes.index(radiograph.label) for radiograph in self.radiographs], dtype=np.int_
        )
