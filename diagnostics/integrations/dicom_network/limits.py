"""Limits of one association: what a peer may make this process hold in memory, and for how long."""

from __future__ import annotations

from typing import Any, Final

from pynetdicom.events import Event

from ml.images.size_limits import MAX_FILE_BYTES

MAX_PDU: Final = (
    1024 * 1024
)  # bytes; the accepted size of data PDUs is smaller, that of a request is not fixed
ACCEPTED_PDU: Final = 256 * 1024  # bytes, negotiated
MAX_MESSAGE: Final = MAX_FILE_BYTES + 4 * MAX_PDU  # a file with its command set and its framing
NETWORK_TIMEOUT: Final = 60.0  # seconds without any byte


class TooLong(OSError):
    """A peer sent more than the limit; the connection is closed."""


def limit_connection(event: Event) -> None:
    """Bound PDUs and messages of a new connection, before its first byte is read.

    pynetdicom reads a PDU of any stated length, and collects the fragments of a message without a limit.
    """
    connection = event.assoc.dul.socket
    connection.socket.settimeout(NETWORK_TIMEOUT)
    unlimited, received = connection.recv, _Received()
    event.assoc.received = received

    def recv(count: int) -> bytearray:
        received.count += count
        if count > MAX_PDU or received.count > MAX_MESSAGE:
            raise TooLong("the peer sends more than one radiograph may have")
        data: bytearray = unlimited(count)
        return data

    connection.recv = recv


def message_ended(event: Event) -> None:
    """Begin the count of the next message."""
    received: Any = getattr(event.assoc, "received", None)
    if received is not None:
        received.count = 0


class _Received:
    """The bytes that a peer has announced since its last message."""

    count = 0
