"""How far a training has come, by steps or by the clock, and the learning rate that belongs there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

WARM_UP: Final = 0.2  # share of the training until the peak
START: Final = 0.04  # of the peak
END: Final = 0.001


def one_cycle(peak: float, progress: float) -> float:
    """Return the learning rate at `progress` (0 to 1): a cosine rise to the peak, a cosine fall."""
    if progress < WARM_UP:
        low, share = START, 1 - progress / WARM_UP
    else:
        low, share = END, min(1.0, (progress - WARM_UP) / (1 - WARM_UP))
    return peak * (low + (1 - low) * (1 + math.cos(math.pi * share)) / 2)


@dataclass
class Course:
    """The length of a training: so many steps or, if `seconds` is above 0, so much time."""

    steps: int
    seconds: float
    clock: Callable[[], float]
    done: int = 0
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    @property
    def progress(self) -> float:
        """Return the share already done, 0 to 1."""
        if self.seconds > 0:
            return min(1.0, (self.clock() - self.began) / self.seconds)
        return min(1.0, self.done / self.steps)

    @property
    def finished(self) -> bool:
        """Say whether the end is reached."""
        return self.progress >= 1

    def size_now(self, sizes: tuple[tuple[float, int], ...], otherwise: int) -> int:
        """Return the side of the images that this part of the training uses."""
        return next((size for until, size in sizes if self.progress < until), otherwise)
