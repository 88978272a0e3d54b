"""Limit on failed logins, counted in the cache that all web processes share."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass

from django.core.cache import cache


@dataclass(frozen=True)
class Limit:
    """A number of failures within a number of seconds."""

    failures: int
    seconds: int


PER_USER = Limit(failures=5, seconds=300)  # one user name from one address
PER_ADDRESS = Limit(failures=10, seconds=60)  # any user names from one address


@dataclass(frozen=True)
class LoginAttempt:
    """A login attempt; it counts as a failure until it succeeds or the period of the limit ends."""

    address_slot: str
    user_key: str

    def succeed(self) -> None:
        """Remove this attempt and the earlier failures of the same user and address."""
        cache.delete_many([self.address_slot, *_slots(self.user_key, PER_USER)])


def begin_attempt(*, username: str, address: str) -> LoginAttempt | None:
    """Count an attempt before its password is checked; return None when a limit is reached."""
    user_key = _cache_key(address, unicodedata.normalize("NFKC", username).casefold())
    address_slot = _reserve(_cache_key(address), PER_ADDRESS)
    if address_slot is None:
        return None
    if _reserve(user_key, PER_USER) is None:
        cache.delete(address_slot)  # the lock of one user must not lock the others at a shared address
        return None
    return LoginAttempt(address_slot=address_slot, user_key=user_key)


def _reserve(key: str, limit: Limit) -> str | None:
    # cache.add is atomic in every backend. Each slot expires on its own, which makes a sliding window.
    return next((slot for slot in _slots(key, limit) if cache.add(slot, 1, limit.seconds)), None)


def _slots(key: str, limit: Limit) -> list[str]:
    return [f"login:{key}:{number}" for number in range(limit.failures)]


def _cache_key(*parts: str) -> str:
    # A hash, because a cache key allows no spaces and must not contain typed text.
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
