"""Requests of one API token or session per minute, counted for all web processes of a host."""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

WINDOW: Final = 60  # seconds
SLOTS: Final = 4096
RECORD: Final = struct.Struct("<8sII")  # token, minute, requests


class RequestRate(BaseThrottle):
    """Refuse the requests of a token beyond `READROOM_API_RATE` in a minute; 0 is no limit."""

    def allow_request(self, request: Request, view: object) -> bool:
        """Count the request of a user; an anonymous one is refused before this."""
        self._wait: float | None = None
        if not settings.API_RATE or not request.user.is_authenticated:
            return True
        key = str(getattr(request.auth, "pk", None) or request.user.pk)
        now = timezone.now().timestamp()
        if count_request(settings.API_RATE_FILE, key=key, now=now) <= settings.API_RATE:
            return True
        self._wait = WINDOW - now % WINDOW
        return False

    def wait(self) -> float | None:
        """Return the seconds until the next minute begins, for Retry-After."""
        return self._wait


def count_request(file: Path, *, key: str, now: float) -> int:
    """Return how many requests of a key this minute has had, this one included.

    A file of fixed size under a lock: no write to the database, no wait for a disk, and no growth. It can be
    deleted at any time.
    """
    minute, tag = int(now // WINDOW), hashlib.sha256(key.encode()).digest()[:8]
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        offset, count = _slot(descriptor, tag, minute)
        os.pwrite(descriptor, RECORD.pack(tag, minute, count + 1), offset)
    finally:
        os.close(descriptor)  # releases the lock
    return count + 1


def _slot(descriptor: int, tag: bytes, minute: int) -> tuple[int, int]:
    """Return the place of a key and its count; a slot of another minute is free."""
    first = int.from_bytes(tag[:4], "little") % SLOTS
    for step in range(SLOTS):
        offset = (first + step) % SLOTS * RECORD.size
        record = os.pread(descriptor, RECORD.size, offset)
        if len(record) < RECORD.size:
            return offset, 0
        owner, then, count = RECORD.unpack(record)
        if then != minute:
            return offset, 0
        if owner == tag:
            return offset, count
    return first * RECORD.size, 0  # more keys than slots in a minute: the first one is counted anew
