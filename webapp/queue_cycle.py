"""The order in which a worker takes messages from its queues on Redis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kombu.utils.scheduling import round_robin_cycle

FIRST: Final = "stat"


class StatFirstCycle(round_robin_cycle):
    """STAT radiographs first, then the other queues in turn.

    Neither can a long queue of predictions keep periodic tasks waiting, nor can periodic tasks delay the
    predictions of an overloaded host, as either order of Kombu's "priority" does.
    """

    def update(self, it: Iterable[str]) -> None:
        """Replace the queues."""
        super().update(sorted(it, key=lambda queue: (queue != FIRST, queue)))

    def rotate(self, last_used: str) -> str:
        """Move the queue of the last message to the end."""
        return last_used if last_used == FIRST else str(super().rotate(last_used))
