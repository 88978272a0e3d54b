"""A worker's hold on its run: prolonged by a heartbeat, watched for loss and for a wish to stop."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from diagnostics.training.models import TrainingRun

LOOK_EVERY: Final = 1.0  # seconds
BEATS_PER_LEASE: Final = 10


class LeaseLost(Exception):
    """Another worker has the run now, or it was ended; nothing may be kept any more."""


class Hold:
    """Keep one claimed run ours for as long as the block lasts."""

    def __init__(self, run: UUID, token: UUID, *, lease: timedelta) -> None:
        self.run = run
        self.token = token
        self._lease = lease
        self._over = threading.Event()
        self._lost = False
        self._stop_asked = False
        self._looked_at = -LOOK_EVERY
        self._heart = threading.Thread(target=self._beat, name="training-hold", daemon=True)

    def __enter__(self) -> Self:
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._heart.join()

    def should_stop(self) -> bool:
        """Say whether the work should end early; asks the database at most once a second."""
        if time.monotonic() - self._looked_at >= LOOK_EVERY:
            self._looked_at = time.monotonic()
            row = TrainingRun.objects.filter(pk=self.run).values_list("token", "stop_asked").first()
            self._lost = self._lost or row is None or row[0] != self.token
            self._stop_asked = row is not None and row[1]
        return self._lost or self._stop_asked

    @property
    def stop_asked(self) -> bool:
        """Say whether a person wants the work to end early."""
        return self._stop_asked

    def check(self) -> None:
        """Raise LeaseLost unless the run is still ours; also prolongs the hold."""
        if self._lost or not self._renew():
            raise LeaseLost

    def _beat(self) -> None:
        try:
            while not self._over.wait(self._lease.total_seconds() / BEATS_PER_LEASE):
                try:
                    self._lost = self._lost or not self._renew()
                except (OperationalError, InterfaceError):
                    connection.close()  # the database was away for a moment; the lease outlasts several beats
        finally:
            connection.close()

    def _renew(self) -> bool:
        return TrainingRun.renew(self.run, token=self.token, lease=self._lease, now=timezone.now())
