"""Films in memory and the batches drawn from them; the same seed draws the same batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.augment import augment
from ml.dataset import LeftOut
from ml.imaging import read_film, scale_values, to_square
from ml.records import LabelledFilm, Preprocessing, UnreadableImage

AHEAD: Final = 4  # batches prepared while the network computes

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class Store:
    """Square films as bytes, with the labels and sources they carry."""

    pixels: NDArray[np.uint8]  # (n, side, side)
    films: tuple[LabelledFilm, ...]
    left_out: tuple[LeftOut, ...]

    def targets(self, classes: Sequence[str]) -> NDArray[np.int_]:
        """Return each film's class as its place in `classes`."""
        return np.array([classes.index(film.label) for film in self.films], dtype=np.int_)

    def inputs(self, prep: Preprocessing) -> NDArray[np.float32]:
        """Return every film as the network's input, unchanged: (n, size, size, channels)."""
        if not self.films:
            return np.empty((0, prep.size, prep.size, prep.channels), np.float32)
        squares = (to_square(pixels.astype(np.float32) / np.float32(255), prep)[0] for pixels in self.pixels)
        return np.stack([scale_values(square, prep) for square in squares])


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


@dataclass(frozen=True)
class Sampler:
    """Draws training batches; batch number k is the same for the same seed, whatever the threads do."""

    store: Store
    prep: Preprocessing
    classes: tuple[str, ...]
    batch_size: int
    strength: float
    seed: int

    def stream(self, *, first: int) -> Generator[Batch, None, None]:
        """Yield batches for ever, starting with number `first`."""
        chance, targets = chances(self.store.films), self.store.targets(self.classes)
        with ThreadPoolExecutor(max_workers=1) as pool:
            waiting = [pool.submit(self._draw, first + k, chance, targets) for k in range(AHEAD)]
            number = first + AHEAD
            try:
                while True:
                    yield waiting.pop(0).result()
                    waiting.append(pool.submit(self._draw, number, chance, targets))
                    number += 1
            finally:
                pool.shutdown(cancel_futures=True)

    def _draw(self, number: int, chance: NDArray[np.float64], targets: NDArray[np.int_]) -> Batch:
        random = np.random.default_rng((self.seed, number))
        chosen = random.choice(len(chance), self.batch_size, p=chance)
        images = [self._variant(self.store.pixels[place], random) for place in chosen]
        return np.stack(images), np.eye(len(self.classes), dtype=np.float32)[targets[chosen]]

    def _variant(self, pixels: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.float32]:
        changed = augment(pixels, self.prep.size, self.strength, random)
        return scale_values(changed.astype(np.float32) / np.float32(255), self.prep)
