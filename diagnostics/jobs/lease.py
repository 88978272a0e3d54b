"""A worker's lease on one job: renewed by a heartbeat, checked for loss and for a stop request."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from django.db import Error, connections
from django.utils import timezone

from diagnostics.jobs.errors import LeaseLost, WorkerStopping
from diagnostics.jobs.models import RENEWALS_PER_LEASE, Job
from diagnostics.jobs.stop_flag import WORKER_STOP
from diagnostics.jobs.workers import worker_name

POLL_SECONDS: Final = 1.0
STOP_POLL_SECONDS: Final = 0.5
STOP_GRACE: Final = 4.0  # seconds; less than `worker_soft_shutdown_timeout`, after which the job is killed

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

        The limit lets the lease of a hanging process expire. When the worker is asked to stop, the job is
        released at the end of the block or after STOP_GRACE, even if the block is inside a long native call.
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
            if WORKER_STOP.is_set():
                self._try(self._release)

    @property
    def stop_requested(self) -> bool:
        """Return whether the last poll found a stop request."""
        return self._stop_requested

    def should_stop(self) -> bool:
        """Return whether the job was lost or a user requested its stop; queries at most once a second.

        Raises WorkerStopping when the worker was asked to stop.
        """
        if WORKER_STOP.is_set():
            raise WorkerStopping
        if time.monotonic() - self._polled_at >= POLL_SECONDS:
            self._polled_at = time.monotonic()
            self._try(self._poll)
        return self._lost or self._stop_requested

    def _poll(self) -> None:
        job = self._job_type._default_manager.filter(pk=self.job_id)
        token, self._stop_requested = job.values_list("token", "stop_requested").first() or (None, False)
        self._lost = self._lost or token != self.token

    def _renew_until(self, ended: threading.Event, interval: float, deadline: float) -> None:
        renew_at, release_at = time.monotonic() + interval, math.inf
        try:
            while not ended.wait(min(interval, STOP_POLL_SECONDS)) and not self._lost:
                now = time.monotonic()
                if WORKER_STOP.is_set():
                    release_at = min(release_at, now + STOP_GRACE)
                if now >= release_at:
                    self._try(self._release)
                elif renew_at <= now < deadline:
                    renew_at = now + interval
                    self._try(self._renew_or_lose)
        finally:
            connections.close_all()  # of this thread

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Error:  # also InterfaceError, of a connection that the server closed
            logger.warning("the database is unavailable to job %s; trying again", self.job_id)
            connections.close_all()

    def _renew_or_lose(self) -> None:
        self._lost = self._lost or not self._renew()

    def _release(self) -> None:
        """Queue the job again, unless it has ended; the next periodic task sends its message."""
        self._job_type.release(self.job_id, token=self.token, resend_at=self.clock())
        self._lost = True

    def _renew(self) -> bool:
        return self._job_type.renew(self.job_id, token=self.token, lease=self._duration, now=self.clock())
