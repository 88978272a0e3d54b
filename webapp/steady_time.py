"""Time for intervals: it advances evenly while the host's clock is set forward or back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

STARTED_AT: Final = datetime.now(UTC)
STARTED: Final = time.monotonic()


def steady_now() -> datetime:
    """Return the time of this process's start plus the seconds since then."""
    return STARTED_AT + timedelta(seconds=time.monotonic() - STARTED)
