"""Films in memory and the batches drawn from them; the same seed draws the same batches."""

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

from ml.augment import augment
from ml.dataset import LeftOut
from ml.imaging import read_film, scale_values, to_square
from ml.presets import Balance
from ml.records import LabelledFilm, Preprocessing, UnreadableImage

AHEAD: Final = 4  # batches prepared while the network computes
HEAVIEST: Final = 4.0  # a class weighs, however rare it is

Batch = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]
Example = Callable[[int, np.random.Generator], NDArray[np.float32]]  # a film's place -> the network's input


@dataclass(frozen=True)
class Store:
    """Square films as bytes, with the labels and sources they carry."""

    pixels: NDArray[np.uint8]  # (n, side, side)
    films: tuple[LabelledFilm, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def digest(self) -> str:
        """Name what is learnt from, in its order (SHA-256): pixels, classes, patients, sources."""
        found = hashlib.sha256(np.ascontiguousarray(self.pixels).data)
        for film in self.films:
            found.update(f"{film.label}\n{film.patient}\n{film.source}\n".encode())
        return found.hexdigest()

    def targets(self, classes: Sequence[str]) -> NDArray[np.int_]:
        """Return each film's class as its place in `classes`."""
        return np.array([classes.index(film.label) for film in self.films], dtype=np.int_)

    def inputs(self, prep: Preprocessing) -> NDArray[np.float32]:
        """Return every film as the network's input, unchanged: (n, size, size, channels)."""
        if not self.films:
            return np.empty((0, prep.size, prep.size, prep.channels), np.float32)
        return np.stack(list(self.images(prep)))

    def images(self, prep: Preprocessing) -> Iterator[NDArray[np.float32]]:
        """Yield the films one by one as `inputs` gives them together."""
        for pixels in self.pixels:
            yield scale_values(to_square(pixels.astype(np.float32) / np.float32(255), prep)[0], prep)


def load(
    films: Sequence[LabelledFilm],
    prep: Preprocessing,
    *,
    side: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> Store:
    """Read films into squares of `side` pixels; those that cannot be read are left out and named."""
    square = replace(prep, size=side)
    pixels: list[NDArray[np.uint8]] = []
    kept: list[LabelledFilm] = []
    left_out: list[LeftOut] = []
    for film in films:
        if should_stop():
            break
        try:
            grey = read_film(film.path.read_bytes()).grey
        except (UnreadableImage, OSError) as trouble:
            left_out.append(LeftOut(film, getattr(trouble, "code", "unreadable")))
            continue
        pixels.append(np.rint(to_square(grey, square)[0] * 255).astype(np.uint8))
        kept.append(film)
    stacked = np.stack(pixels) if pixels else np.empty((0, side, side), np.uint8)
    return Store(stacked, tuple(kept), tuple(left_out))


def chances(films: Sequence[LabelledFilm]) -> NDArray[np.float64]:
    """Return how likely each film is to be drawn: classes equally, and within a class sources by sqrt(n).

    A cell of class and source with n films weighs n * 1/sqrt(n), so that the large collection of a class does
    not drown the small ones that also hold the other classes.
    """
    cells = Counter((film.label, film.source) for film in films)
    weights = np.array([cells[film.label, film.source] ** -0.5 for film in films])
    labels = np.array([film.label for film in films])
    for label in set(labels):
        weights[labels == label] /= weights[labels == label].sum()
    chance: NDArray[np.float64] = weights / weights.sum()
    return chance


def class_weights(films: Sequence[LabelledFilm]) -> NDArray[np.float32]:
    """Give each film's weight in the loss: n / (classes * films of its class), at most 4 (trust.md 8)."""
    counts = Counter(film.label for film in films)
    weights = [min(HEAVIEST, len(films) / (len(counts) * counts[film.label])) for film in films]
    return np.array(weights, dtype=np.float32)


@dataclass(frozen=True)
class Fresh:
    """Films changed anew each time they are drawn: (size, size, channels) float32."""

    store: Store
    prep: Preprocessing
    strength: float
    mirror: bool = False

    def __call__(self, place: int, random: np.random.Generator) -> NDArray[np.float32]:
        """Make a variant of one film."""
        changed = augment(self.store.pixels[place], self.prep.size, self.strength, random, mirror=self.mirror)
        return scale_values(changed.astype(np.float32) / np.float32(255), self.prep)


@dataclass(frozen=True)
class Sampler:
    """Draws training batches; batch number k is the same for the same seed, whatever the threads do."""

    films: tuple[LabelledFilm, ...]
    classes: tuple[str, ...]
    example: Example
    batch_size: int
    seed: int
    balance: Balance = "sampling"

    def stream(self, *, first: int) -> Generator[Batch, None, None]:
        """Yield batches for ever, starting with number `first`."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            waiting = [pool.submit(self.draw, first + k) for k in range(AHEAD)]
            number = first + AHEAD
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
        chosen = random.choice(len(self.films), self.batch_size, p=self._chances)
        examples = np.stack([self.example(place, random) for place in chosen])
        truth = np.eye(len(self.classes), dtype=np.float32)[self._targets[chosen]]
        return examples, truth, None if self._weights is None else self._weights[chosen]

    @cached_property
    def _chances(self) -> NDArray[np.float64] | None:
        return chances(self.films) if self.balance == "sampling" else None

    @cached_property
    def _weights(self) -> NDArray[np.float32] | None:
        return class_weights(self.films) if self.balance == "weights" else None

    @cached_property
    def _targets(self) -> NDArray[np.int_]:
        return np.array([self.classes.index(film.label) for film in self.films], dtype=np.int_)
