"""How often a wrong password may be tried, counted in the cache that all web processes share."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass

from django.core.cache import cache


@dataclass(frozen=True)
class Limit:
    """So many failures in so many seconds."""

    failures: int
    seconds: int


PER_PERSON = Limit(failures=5, seconds=300)  # one name from one address
PER_ADDRESS = Limit(failures=10, seconds=60)  # any names from one address


@dataclass(frozen=True)
class LoginAttempt:
    """One try at a login that takes a place until it succeeds or its time is over."""

    slot: str
    person: str

    def forgive(self) -> None:
        """Forget this try and the failures of this person before it: the password was right."""
        cache.delete_many([self.slot, *_slots(self.person, PER_PERSON)])


def begin_attempt(*, username: str, address: str) -> LoginAttempt | None:
    """Take a place for one try before the password is looked at; None when all places are taken."""
    person = _name(address, unicodedata.normalize("NFKC", username).casefold())
    slot = _take(_name(address), PER_ADDRESS)
    if slot is None:
        return None
    if _take(person, PER_PERSON) is None:
        cache.delete(slot)  # one person's lock must not become everybody's at a shared address
        return None
    return LoginAttempt(slot=slot, person=person)


def _take(name: str, limit: Limit) -> str | None:
    # cache.add is atomic in every backend, and each place ends by itself: a window that slides.
    return next((slot for slot in _slots(name, limit) if cache.add(slot, 1, limit.seconds)), None)


def _slots(name: str, limit: Limit) -> list[str]:
    return [f"login:{name}:{number}" for number in range(limit.failures)]


def _name(*parts: str) -> str:
    # A hash, because a cache key allows no spaces and should hold nothing that was typed.
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
