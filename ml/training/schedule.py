"""Schedule of a training: progress by steps or by time, stages and learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from ml.recipes import Stage

WARM_UP: Final = 0.2  # share of the training before the peak
START: Final = 0.04  # fraction of the peak
END: Final = 0.001  # fraction of the peak


def one_cycle(peak: float, progress: float) -> float:
    """Return the learning rate at `progress` (0 to 1): a cosine rise to the peak, then a cosine fall."""
    if progress < WARM_UP:
        low, share = START, 1 - progress / WARM_UP
    else:
        low, share = END, min(1.0, (progress - WARM_UP) / (1 - WARM_UP))
    return peak * (low + (1 - low) * (1 + math.cos(math.pi * share)) / 2)


def stage_ends(stages: Sequence[Stage], epochs: int) -> tuple[float, ...]:
    """Return the end of each stage as a share of the training, at whole epochs; the last is 1.

    A stage shorter than half an epoch ends where it begins and so is skipped.
    """
    ends = [math.floor(share * epochs + 0.5) / epochs for share in accumulate(s.share for s in stages)]
    return (*ends[:-1], 1.0)


@dataclass
class Progress:
    """Progress of a training that takes `steps` steps or, if `seconds` is above 0, that time."""

    steps: int
    seconds: float
    clock: Callable[[], float]  # seconds
    ends: tuple[float, ...] = (1.0,)  # of the stages, as shares of the training
    steps_done: int = 0
    started_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.started_at = self.clock()

    @property
    def elapsed(self) -> float:
        """Return the seconds since the start, including those of earlier attempts."""
        return self.clock() - self.started_at

    @property
    def fraction(self) -> float:
        """Return the completed share of the training, 0 to 1."""
        if self.seconds > 0:
            return min(1.0, self.elapsed / self.seconds)
        return min(1.0, self.steps_done / self.steps)

    @property
    def finished(self) -> bool:
        """Return whether the training is complete."""
        return self.fraction >= 1

    @property
    def stage(self) -> int:
        """Return the index of the current stage; the last one after the end."""
        return next((k for k, end in enumerate(self.ends) if self.fraction < end), len(self.ends) - 1)

    def steps_of(self, stage: int) -> int:
        """Return the number of steps of a stage, unless time limits the training."""
        return round((self.ends[stage] - self._start_of(stage)) * self.steps)

    def fraction_of(self, stage: int) -> float:
        """Return the completed share of a stage, 0 to 1."""
        start, end = self._start_of(stage), self.ends[stage]
        return min(1.0, max(0.0, self.fraction - start) / (end - start)) if end > start else 1.0

    def resume(self, *, steps_done: int, elapsed: float) -> None:
        """Continue from the steps and seconds of an earlier attempt."""
        self.steps_done, self.started_at = steps_done, self.clock() - elapsed

    def image_size(self, sizes: tuple[tuple[float, int], ...], default: int) -> int:
        """Return the current image size in pixels, from pairs (until this share, size)."""
        return next((size for until, size in sizes if self.fraction < until), default)

    def _start_of(self, stage: int) -> float:
        return self.ends[stage - 1] if stage else 0.0
