"""Training batches: the share of each class and source, and augmentation with filled borders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.default_network.radiographs import CHILDREN, COHEN, CachedRadiographs
from benchmarks.default_network.recipe import CLASSES, LongRecipe
from ml.datasets.augmentation import augment
from ml.datasets.batches import prefetched
from ml.images.preprocessing import scale_values
from ml.records import Preprocessing

Cell = tuple[str, str]  # class, source
Batch = tuple[NDArray[np.float32], NDArray[np.float32]]  # (n, size, size, 1) inputs, (n, 3) one-hot classes

# Shares within a class. A collection whose classes come from different hospitals teaches the hospital.
MAX_SHARE: Final[dict[Cell, float]] = {
    ("covid-19", "radiography-covid"): 0.60,
    ("normal", "radiography-normal"): 0.55,
}
FIXED_SHARE: Final[dict[Cell, float]] = {("pneumonia", CHILDREN): 0.16, ("normal", CHILDREN): 0.12}
MOST: Final = {"radiography-covid": 1487, "radiography-normal": 2294}  # those of the first default
SOURCE_WEIGHT: Final = {COHEN: 1.5}  # a source with every class
MAX_DRAWS: Final = 300  # of one radiograph in the whole training, so that a small cell is not memorised
BORDER_SHARE: Final = 0.4  # of the radiographs
BORDER_WIDTH: Final = (0.02, 0.12)  # of the side; each side is filled with probability 1/2


class BatchSampler:
    """Draws training batches. Batch k depends on the seed and k alone: a resumed training draws the same."""

    def __init__(self, radiographs: CachedRadiographs, recipe: LongRecipe) -> None:
        self.recipe, self.radiographs = recipe, radiographs
        self.indices = radiographs.indices("training")
        rows = [radiographs.rows[index] for index in self.indices]
        cells = Counter((row.label, row.source) for row in rows)
        self.shares = (
            sampling_shares(cells, recipe.steps * recipe.batch_size)
            if recipe.sampling == "by root"
            else shares_of_first_default(cells)
        )
        chances = [self.shares[row.label, row.source] / cells[row.label, row.source] for row in rows]
        self.chances = np.array(chances) / np.sum(chances)
        self.targets = np.array([CLASSES.index(row.label) for row in rows])

    def draw(self, number: int, size: int = 0) -> Batch:
        """Return batch `number`, at the recipe's size unless another is given."""
        random = np.random.default_rng((self.recipe.seed, number))
        chosen = random.choice(len(self.indices), self.recipe.batch_size, p=self.chances)
        size = size or self.recipe.size_at(number)
        images = [augmented(self.radiographs.pixels[self.indices[k]], size, random) for k in chosen]
        return as_inputs(images, size), np.eye(len(CLASSES), dtype=np.float32)[self.targets[chosen]]

    def stream(self, first: int) -> Generator[Batch, None, None]:
        """Yield batches from number `first` on, prepared in a thread."""
        return prefetched(self.draw, first=first)


def sampling_shares(cells: Counter[Cell], draws: int) -> dict[Cell, float]:
    """Return the share of each class and source within its class, for a training of so many draws.

    A cell of n radiographs weighs sqrt(n). Fixed shares, caps and MAX_DRAWS limit it; what a cap takes goes
    to the cells below theirs.
    """
    shares: dict[Cell, float] = {}
    for label in CLASSES:
        own = [cell for cell in cells if cell[0] == label]
        fixed = {cell: FIXED_SHARE[cell] for cell in own if cell in FIXED_SHARE}
        weights = {
            cell: cells[cell] ** 0.5 * SOURCE_WEIGHT.get(cell[1], 1.0) for cell in own if cell not in fixed
        }
        caps = {
            cell: min(MAX_SHARE.get(cell, 1.0), MAX_DRAWS * cells[cell] / (draws / len(CLASSES)))
            for cell in weights
        }
        shares |= fixed | _distributed(weights, caps, 1 - sum(fixed.values()))
    return shares


def shares_of_first_default(cells: Counter[Cell]) -> dict[Cell, float]:
    """Return the shares of the first default, by its numbers of radiographs, beside those of children."""
    shares: dict[Cell, float] = {}
    for label in CLASSES:
        own = {cell: min(n, MOST.get(cell[1], n)) for cell, n in cells.items() if cell[0] == label}
        fixed = {cell: FIXED_SHARE[cell] for cell in own if cell in FIXED_SHARE}
        others = {cell: n for cell, n in own.items() if cell not in fixed}
        rest = (1 - sum(fixed.values())) / sum(others.values())
        shares |= fixed | {cell: n * rest for cell, n in others.items()}
    return shares


def _distributed(weights: dict[Cell, float], caps: dict[Cell, float], total: float) -> dict[Cell, float]:
    """Distribute `total` by weight, with no cell above its cap unless all are."""
    shares: dict[Cell, float] = {}
    free = dict(weights)
    while free:
        scale = (total - sum(shares.values())) / sum(free.values())
        over = [cell for cell in free if free[cell] * scale > caps[cell]]
        if not over or len(over) == len(free):
            return shares | {cell: weight * scale for cell, weight in free.items()}
        for cell in over:
            shares[cell] = caps[cell]
            del free[cell]
    return shares


def augmented(square: NDArray[np.uint8], size: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Return a random (size, size) variant, in a share of the cases after filling borders."""
    square = np.asarray(square)
    if random.random() < BORDER_SHARE:
        square = _with_filled_borders(square.copy(), random)
    return augment(square, size, 1.0, random)


def _with_filled_borders(square: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    grey = 0 if random.random() < 0.5 else int(random.integers(0, 256))
    for side in range(4):
        if random.random() < 0.5:
            width = int(square.shape[0] * random.uniform(*BORDER_WIDTH))
            rotated = np.rot90(square, side)  # a view: filling it fills the square
            rotated[:width] = grey
    return square


def as_inputs(images: Sequence[NDArray[np.uint8]], size: int) -> NDArray[np.float32]:
    """Return (n, size, size, 1) network inputs, by the preprocessing that the bundle is served with."""
    prep = Preprocessing(size=size)
    return np.stack([scale_values(image.astype(np.float32) / np.float32(255), prep) for image in images])
