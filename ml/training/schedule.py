"""How far a training has come, by steps or by the clock, and the stage and rate that belong there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from ml.recipes import Stage

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


def stage_ends(stages: Sequence[Stage], epochs: int) -> tuple[float, ...]:
    """Return where each stage ends, as shares of the training at whole epochs; the last is 1.

    A stage too short for one epoch of so few ends where it begins, and so never takes place.
    """
    ends = [math.floor(share * epochs + 0.5) / epochs for share in accumulate(s.share for s in stages)]
    return (*ends[:-1], 1.0)


@dataclass
class Progress:
    """The length of a training: so many steps or, if `seconds` is above 0, so much time."""

    steps: int
    seconds: float
    clock: Callable[[], float]
    ends: tuple[float, ...] = (1.0,)  # of the stages
    done: int = 0
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    @property
    def elapsed(self) -> float:
        """Return the seconds since the beginning, those of earlier attempts included."""
        return self.clock() - self.began

    @property
    def progress(self) -> float:
        """Return the share already done, 0 to 1."""
        if self.seconds > 0:
            return min(1.0, self.elapsed / self.seconds)
        return min(1.0, self.done / self.steps)

    @property
    def finished(self) -> bool:
        """Say whether the end is reached."""
        return self.progress >= 1

    @property
    def stage(self) -> int:
        """Return the number of the present stage, from 0; the last one stays to the end."""
        return next((k for k, end in enumerate(self.ends) if self.progress < end), len(self.ends) - 1)

    def steps_of(self, stage: int) -> int:
        """Return the steps that a stage takes, if the clock does not end it."""
        return round((self.ends[stage] - self._start_of(stage)) * self.steps)

    def within(self, stage: int) -> float:
        """Return the share of a stage that is done, 0 to 1."""
        start, end = self._start_of(stage), self.ends[stage]
        return min(1.0, max(0.0, self.progress - start) / (end - start)) if end > start else 1.0

    def resume(self, *, done: int, elapsed: float) -> None:
        """Go on where an earlier attempt has come to."""
        self.done, self.began = done, self.clock() - elapsed

    def size_now(self, sizes: tuple[tuple[float, int], ...], otherwise: int) -> int:
        """Return the side of the images that this part of the training uses."""
        return next((size for until, size in sizes if self.progress < until), otherwise)

    def _start_of(self, stage: int) -> float:
        return self.ends[stage - 1] if stage else 0.0
