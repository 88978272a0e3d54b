"""Limits on failed attempts, and the keys under which they are counted."""

from __future__ import annotations

import ipaddress
import unicodedata
from dataclasses import dataclass
from typing import Final

from django.utils.crypto import salted_hmac

MINUTE, HOUR, DAY = 60, 3600, 86_400  # seconds


@dataclass(frozen=True)
class Limit:
    """A number of failures within a number of seconds."""

    failures: int
    seconds: int


PER_USER: Final = Limit(failures=5, seconds=5 * MINUTE)  # one account from one address or browser
PER_ACCOUNT: Final = Limit(failures=10, seconds=15 * MINUTE)  # one account from any address
PER_ACCOUNT_AND_DAY: Final = Limit(failures=100, seconds=DAY)
PER_ADDRESS: Final = Limit(failures=10, seconds=MINUTE)  # any accounts from one address
PER_ADDRESS_AND_HOUR: Final = Limit(failures=100, seconds=HOUR)
INVALID_TOKENS: Final = Limit(failures=30, seconds=MINUTE)  # requests from one address
LONGEST: Final = DAY

Limits = dict[str, tuple[Limit, ...]]  # key -> limits


def login_limits(*, username: str, address: str, browser: str) -> Limits:
    """Return the limits of a login.

    A browser in which this user has logged in before has limits of its own. So wrong passwords sent by others
    delay the logins from other browsers, and never lock the user out.
    """
    user = normalized(username)
    own: Limits = (
        {_key("browser", user, browser): (PER_USER, PER_ACCOUNT_AND_DAY)}
        if browser
        else {
            _key("pair", user, network(address)): (PER_USER,),
            _key("account", user): (PER_ACCOUNT, PER_ACCOUNT_AND_DAY),
        }
    )
    return own | address_limits(address)


def check_limits(*, username: str, kind: str, address: str) -> Limits:
    """Return the limits of a check after the login name is known, for example of a second factor."""
    return {_key(kind, normalized(username)): (PER_USER, PER_ACCOUNT_AND_DAY)} | address_limits(address)


def address_limits(address: str) -> Limits:
    """Return the limits of one address."""
    return {_key("address", network(address)): (PER_ADDRESS, PER_ADDRESS_AND_HOUR)}


def token_limits(address: str) -> Limits:
    """Return the limits of invalid API tokens from one address."""
    return {_key("token", network(address)): (INVALID_TOKENS,)}


def account_key(username: str) -> str:
    """Return the key of an account's limits from any address."""
    return _key("account", normalized(username))


def normalized(username: str) -> str:
    """Return a user name without the differences that the eye does not see."""
    return unicodedata.normalize("NFKC", username).casefold()


def network(address: str) -> str:
    """Return an IPv4 address, or the /64 network that a subscriber of IPv6 has as a whole."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a server on a socket file gives no address
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def _key(*parts: str) -> str:
    # A keyed hash: the typed user name may be a password, and an address is personal data.
    return salted_hmac("diagnostics.accounts.attempts", "\n".join(parts), algorithm="sha256").hexdigest()
