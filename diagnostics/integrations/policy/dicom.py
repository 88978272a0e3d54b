"""Pauses, limits and times of the exchange with DICOM nodes; no database."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

JOB_LEASE: Final = timedelta(seconds=20)  # renewed by the heartbeat
SHORTEST_PAUSE: Final = timedelta(seconds=5)  # after the first failure of a node
LONGEST_PAUSE: Final = timedelta(hours=1)
SIGNATURE_PAUSE: Final = timedelta(seconds=20)  # longer than a signature can be undone
JOBS_KEPT: Final = timedelta(days=30)  # of finished storage commitments and retrievals
LOG_KEPT: Final = timedelta(days=90)  # of received instances that opened no case


def pause_after(failures: int) -> timedelta:
    """Return the pause after that many failures in a row: it doubles up to LONGEST_PAUSE."""
    return min(SHORTEST_PAUSE * 2 ** min(failures - 1, 16), LONGEST_PAUSE)
