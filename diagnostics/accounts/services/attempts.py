"""Limit on failed logins, passwords, second factors and API tokens, counted in a table of the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Literal

from diagnostics.accounts import login_throttle
from diagnostics.accounts.login_throttle import Limit, Limits
from diagnostics.accounts.models import FailedAttempt, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action


@dataclass(frozen=True)
class Attempt:
    """An attempt; it counts as a failure until it succeeds.

    `wait` is the number of seconds to wait when a limit is reached, else 0. `is_last` tells that the next
    failure in a row will have to wait.
    """

    rows: tuple[int, ...]
    keys: tuple[str, ...]  # of the account; a success does not remove the failures of an address
    wait: int = 0
    is_last: bool = False

    def succeed(self, *, now: datetime) -> None:
        """Remove this attempt, the earlier failures of the account, and what no limit counts any more."""
        FailedAttempt.objects.filter(pk__in=self.rows).delete()
        FailedAttempt.objects.filter(key__in=self.keys).delete()
        oldest = now - timedelta(seconds=login_throttle.LONGEST)
        FailedAttempt.objects.filter(at__lt=oldest).delete()


def begin_login(*, username: str, address: str, browser: str, now: datetime) -> Attempt:
    """Count a login before its password is checked."""
    limits = login_throttle.login_limits(username=username, address=address, browser=browser)
    return _begin(limits, username=username, address=address, now=now)


def begin_check(*, user: User, kind: Literal["password", "factor"], address: str, now: datetime) -> Attempt:
    """Count the check of a known user's password or second factor before it is made."""
    limits = login_throttle.check_limits(username=user.username, kind=kind, address=address)
    return _begin(limits, username=user.username, address=address, now=now)


def count_invalid_token(*, address: str, now: datetime) -> int:
    """Count an invalid API token; return the seconds to wait, 0 while the address may go on."""
    return _begin(login_throttle.token_limits(address), username="", address=address, now=now).wait


def record_failure(*, attempt: Attempt, username: str, now: datetime) -> None:
    """Record a failed login in the audit log; the text typed as user name is not stored."""
    audit.record(action=Action.LOGIN_FAILED, by=None, now=now)
    if attempt.is_last:
        account = User.objects.filter(username=username).first()
        audit.record(action=Action.LOGIN_LIMITED, by=None, target=account, now=now)


def unlock(*, user: User, by: User, now: datetime) -> None:
    """Forget the failures of an account from all addresses; raises NotAllowed."""
    require(by, Permission.MANAGE_STAFF)
    FailedAttempt.objects.filter(account=login_throttle.account_key(user.username)).delete()
    audit.record(action=Action.ACCOUNT_UNLOCKED, by=by, target=user, now=now)


def _begin(limits: Limits, *, username: str, address: str, now: datetime) -> Attempt:
    of_address = login_throttle.address_limits(address)
    account = login_throttle.account_key(username) if username else ""
    # The rows are written before the count, so parallel attempts never pass a limit together.
    rows = tuple(
        FailedAttempt.objects.create(key=key, at=now, account="" if key in of_address else account).pk
        for key in limits
    )
    waits = [_wait(key, limit, now) for key, own in limits.items() for limit in own]
    wait = max(blocked for blocked, _last in waits)
    if wait:  # a refused attempt does not count, so the delay ends even while attempts go on
        FailedAttempt.objects.filter(pk__in=rows).delete()
    keys = tuple(key for key in limits if key not in of_address)
    return Attempt(rows, keys, wait, is_last=any(last for _blocked, last in waits))


def _wait(key: str, limit: Limit, now: datetime) -> tuple[int, bool]:
    """Return the seconds until one more attempt is permitted, and whether this one is the last permitted."""
    since = now - timedelta(seconds=limit.seconds)
    newest = FailedAttempt.objects.filter(key=key, at__gt=since).order_by("-at", "-pk")
    times = list(newest.values_list("at", flat=True)[: limit.failures + 1])
    if len(times) <= limit.failures:
        return 0, len(times) == limit.failures
    return max(1, ceil((times[-1] + timedelta(seconds=limit.seconds) - now).total_seconds())), False
