"""When a failed delivery is tried again, and how long an endpoint rests after a failed or slow try."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

# After the first try, the second, and so on: nine tries within about two days.
PAUSES: Final = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)
MAX_TRIES: Final = len(PAUSES) + 1
JITTER: Final = 0.2  # share of the pause, added at random, so that endpoints are not all tried at once
LONGEST_PAUSE: Final = PAUSES[-1] * (1 + JITTER)
LEASE: Final = timedelta(seconds=15)  # of the worker that sends a delivery
SLOW_SECONDS: Final = 0.5
SHARE_OF_WORKER: Final = 10  # a slow endpoint uses at most a tenth of the worker's time


def pause_after(tries: int, *, random: Callable[[], float]) -> timedelta | None:
    """Return the pause after a number of failed tries; None when the delivery is given up.

    `random` returns a number from 0 to 1.
    """
    if tries >= MAX_TRIES:
        return None
    return PAUSES[tries - 1] * (1 + JITTER * random())


def rest_of_endpoint(seconds: float) -> timedelta | None:
    """Return how long an endpoint rests after a request that took so long; None after a quick one."""
    if seconds < SLOW_SECONDS:
        return None
    return timedelta(seconds=seconds * (SHARE_OF_WORKER - 1))
