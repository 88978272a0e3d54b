"""A worker's lease on one job: renewed by a heartbeat, checked for loss and for a stop request."""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from django.db import Error, connections
from django.utils import timezone

from diagnostics.jobs.errors import LeaseLost
from diagnostics.jobs.models import Job

POLL_SECONDS: Final = 1.0
RENEWALS_PER_LEASE: Final = 5

Clock = Callable[[], datetime]
logger = logging.getLogger(__name__)


class Lease:
    """The claim of this process on one job."""

    def __init__(
        self,
        job_type: type[Job],
        job_id: UUID,
        token: UUID,
        *,
        duration: timedelta,
        clock: Clock = timezone.now,
    ) -> None:
        self.job_id, self.token, self.clock = job_id, token, clock
        self._job_type, self._duration = job_type, duration
        self._lost = self._stop_requested = False
        self._polled_at = -math.inf

    @classmethod
    def claim(
        cls, job_type: type[Job], job_id: UUID, *, duration: timedelta, clock: Clock = timezone.now
    ) -> Self | None:
        """Claim a queued job; None when it is no longer queued, as with a message delivered twice."""
        token = job_type.claim(job_id, worker=worker_name(), lease=duration, now=clock())
        return cls(job_type, job_id, token, duration=duration, clock=clock) if token else None

    def check(self) -> None:
        """Extend the lease; raises LeaseLost."""
        if self._lost or not self._renew():
            raise LeaseLost

    @contextmanager
    def heartbeat(self, *, at_most: float = math.inf) -> Iterator[None]:
        """Renew the lease in a thread until the block ends, the claim is lost, or `at_most` seconds pass.

        The limit lets the lease of a hanging process expire.
        """
        interval = self._duration.total_seconds() / RENEWALS_PER_LEASE
        ended = threading.Event()  # one for each block: a lease may have several blocks, one after the other
        arguments = (ended, interval, time.monotonic() + at_most)
        thread = threading.Thread(target=self._renew_until, args=arguments, daemon=True, name="job-lease")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(timeout=interval)  # a renewal after the job's end finds no token and changes nothing

    @property
    def stop_requested(self) -> bool:
        """Return whether the last poll found a stop request."""
        return self._stop_requested

    def should_stop(self) -> bool:
        """Return whether the job was lost or a user requested its stop; queries at most once a second."""
        if time.monotonic() - self._polled_at >= POLL_SECONDS:
            self._polled_at = time.monotonic()
            job = self._job_type._default_manager.filter(pk=self.job_id)
            token, self._stop_requested = job.values_list("token", "stop_requested").first() or (None, False)
            self._lost = self._lost or token != self.token
        return self._lost or self._stop_requested

    def _renew_until(self, ended: threading.Event, interval: float, deadline: float) -> None:
        try:
            while not ended.wait(interval) and time.monotonic() < deadline and not self._lost:
                self._try_to_renew()
        finally:
            connections.close_all()  # of this thread

    def _try_to_renew(self) -> None:
        try:
            self._lost = self._lost or not self._renew()
        except Error:  # also InterfaceError, of a connection that the server closed
            logger.warning("the lease of job %s could not be renewed; trying again", self.job_id)
            connections.close_all()

    def _renew(self) -> bool:
        return self._job_type.renew(self.job_id, token=self.token, lease=self._duration, now=self.clock())


def worker_name() -> str:
    """Return the host and process id of this worker."""
    return f"{socket.gethostname()}:{os.getpid()}"[:100]
