"""The recipe of a long training: stored when the training starts, read by each later attempt."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

CLASSES: Final = ("covid-19", "pneumonia", "normal")
FILE: Final = "recipe.json"
PRESET: Final = "vgg16-scratch"


Sampling = Literal["by root", "as first default"]


@dataclass(frozen=True)
class LongRecipe:
    """Everything that, with the same radiographs, determines the training."""

    steps: int = 12000
    batch_size: int = 32
    learning_rate: float = 8e-4  # maximum of the one-cycle schedule
    weight_decay: float = 2e-2
    label_smoothing: float = 0.05
    seed: int = 20261121
    evaluate_every: int = 300  # steps
    sizes: tuple[tuple[float, int], ...] = ((0.25, 96), (0.60, 128), (0.85, 160), (1.0, 192))
    sampling: Sampling = "by root"

    def size_at(self, step: int) -> int:
        """Return the side of the images in pixels at a step."""
        return next((size for until, size in self.sizes if step / self.steps < until), self.sizes[-1][1])


RECIPES: Final = {
    "long": LongRecipe(),
    "default": LongRecipe(
        steps=2400,
        seed=20261122,
        evaluate_every=600,
        sizes=((0.3, 96), (0.8, 128), (1.0, 160)),
        sampling="as first default",
    ),
    "proxy": LongRecipe(steps=600, sizes=((1.0, 96),), sampling="as first default"),
}


def stored_recipe(folder: Path, recipe: LongRecipe = RECIPES["long"]) -> LongRecipe:
    """Return the recipe of a training; `recipe` is stored when the training has none yet."""
    path = folder / FILE
    if not path.exists():
        path.write_text(json.dumps(asdict(recipe), indent=1), encoding="utf-8")
    stored = json.loads(path.read_text(encoding="utf-8"))
    sizes = tuple((float(until), int(size)) for until, size in stored.pop("sizes"))
    return LongRecipe(**stored, sizes=sizes)
