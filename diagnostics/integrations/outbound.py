"""HTTP requests to addresses that users enter: no private targets, no redirects, bounded in time.

The host name is resolved once; the request goes to the address that was checked, so a name that
resolves to another address a moment later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from diagnostics.integrations.errors.webhooks import DeliveryFailed

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
DEADLINE: Final = 5.0  # seconds for the whole request
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Target:
    """A checked address and what is requested there."""

    scheme: str
    host: str
    port: int
    path: str
    address: str


def target_of(url: str, *, allowed: Sequence[Network]) -> Target:
    """Resolve the host of a URL and return its target; raises DeliveryFailed for an address not permitted."""
    parts = _checked_parts(url)
    port = parts.port or PORTS[parts.scheme]
    assert parts.hostname
    addresses = _resolved(parts.hostname, port)
    allowed_ones = [each for each in addresses if _is_in(each, allowed)]
    if len(allowed_ones) < len(addresses):
        if not all(each in allowed_ones or is_public(each) for each in addresses):
            raise DeliveryFailed("address_refused")
        if parts.scheme != "https":
            raise DeliveryFailed("https_required")
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return Target(parts.scheme, parts.hostname, port, path, str(addresses[0]))


def post(target: Target, *, body: bytes, headers: Mapping[str, str], deadline: float = DEADLINE) -> int:
    """Send a POST to a checked target and return the status; raises DeliveryFailed."""
    connection = _connection(target, deadline)
    expired = threading.Event()
    watchdog = threading.Timer(deadline, _interrupt, args=[connection, expired])
    watchdog.daemon = True
    watchdog.start()
    try:
        connection.request("POST", target.path, body=body, headers=dict(headers))
        return connection.getresponse().status  # the body is not read
    except ssl.SSLCertVerificationError as error:
        raise DeliveryFailed("tls_failed") from error
    except TimeoutError as error:
        raise DeliveryFailed("timed_out") from error
    except OSError as error:
        raise DeliveryFailed("no_connection" if not expired.is_set() else "timed_out") from error
    except (http.client.HTTPException, ValueError) as error:
        raise DeliveryFailed("bad_response" if not expired.is_set() else "timed_out") from error
    finally:
        watchdog.cancel()
        connection.close()


def is_public(address: Address) -> bool:
    """Return whether an address is global unicast, and so is an IPv4 address that it embeds."""
    embedded = _embedded(address)
    if embedded is not None:
        return is_public(embedded)
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _checked_parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError as error:
        raise DeliveryFailed("url_invalid") from error
    has_credentials = parts.username is not None or parts.password is not None
    if parts.scheme not in PORTS or not parts.hostname or has_credentials or parts.fragment:
        raise DeliveryFailed("url_invalid")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise DeliveryFailed("url_invalid")
    return parts


def _resolved(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DeliveryFailed("name_unknown") from error
    # A link-local address has its interface behind a percent sign.
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    plain = _embedded(address) or address
    return any(plain.version == each.version and plain in each for each in networks)


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that a mapped, 6to4, Teredo or NAT64 address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _connection(target: Target, deadline: float) -> http.client.HTTPConnection:
    if target.scheme == "https":
        return _PinnedHttps(target, deadline)
    return _PinnedHttp(target, deadline)


class _PinnedHttp(http.client.HTTPConnection):
    """A connection to the checked address; the host name goes into the Host header only."""

    def __init__(self, target: Target, deadline: float) -> None:
        super().__init__(target.host, target.port, timeout=deadline)
        self._address = target.address

    def connect(self) -> None:
        """Connect to the checked address."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)


class _PinnedHttps(http.client.HTTPSConnection):
    """The same with TLS, whose certificate must be of the host name."""

    def __init__(self, target: Target, deadline: float) -> None:
        super().__init__(target.host, target.port, timeout=deadline, context=ssl.create_default_context())
        self._address = target.address

    def connect(self) -> None:
        """Connect to the checked address and verify the certificate of the host name."""
        plain = socket.create_connection((self._address, self.port), self.timeout)
        context: Any = ssl.create_default_context()
        self.sock = plain  # so that the deadline also ends a handshake
        self.sock = context.wrap_socket(plain, server_hostname=self.host)


def _interrupt(connection: http.client.HTTPConnection, expired: threading.Event) -> None:
    """End a request whose peer sends a byte now and then."""
    expired.set()
    sock = connection.sock
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
