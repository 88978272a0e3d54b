"""The scheduler of Celery beat, with a heartbeat of its own."""

from __future__ import annotations

import logging
import math
import time
from typing import Any

from celery.beat import Scheduler
from django.db import Error, connections
from django.utils import timezone

logger = logging.getLogger(__name__)


class HeartbeatScheduler(Scheduler):
    """Store a heartbeat while the schedule is being served.

    Without a file of the last runs, which a jump of the clock makes wrong.
    """

    last_beat = -math.inf

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send the due periodic tasks; return the seconds until the next one."""
        seconds = float(super().tick(*args, **kwargs))
        self._beat()
        return seconds

    def _beat(self) -> None:
        from diagnostics.jobs import heartbeats  # needs the apps, which Celery has loaded by now

        if time.monotonic() - self.last_beat < heartbeats.INTERVAL.total_seconds():
            return
        self.last_beat = time.monotonic()
        try:
            heartbeats.beat(heartbeats.SCHEDULER, now=timezone.now())
        except Error:
            logger.warning("the heartbeat of the scheduler could not be stored")
            connections.close_all()
