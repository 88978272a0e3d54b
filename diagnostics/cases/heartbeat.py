"""A thread that keeps a lease alive for as long as the work goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connections

logger = logging.getLogger(__name__)


@contextmanager
def beating(renew: Callable[[], bool], *, every: float, longest: float) -> Iterator[None]:
    """Call `renew` every so many seconds until the block ends, it says False, or `longest` is over.

    Work that hangs must not hold its row for ever, hence `longest`.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(renew, ended, every, longest), daemon=True, name="lease")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=every)  # a beat that comes late finds its token gone and changes nothing


def _beat(renew: Callable[[], bool], ended: threading.Event, every: float, longest: float) -> None:
    until = time.monotonic() + longest
    try:
        while not ended.wait(every) and time.monotonic() < until:
            if not _renewed(renew):
                return
    finally:
        connections.close_all()  # this thread's own


def _renewed(renew: Callable[[], bool]) -> bool:
    try:
        return renew()
    except DatabaseError:
        logger.warning("a lease could not be renewed, the next beat tries again")
        connections.close_all()
        return True
