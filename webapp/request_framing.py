"""Whether the bytes received from a client are enough of a request for a thread to answer it."""

from __future__ import annotations

import re
from typing import Final

MAX_HEAD: Final = 65_536  # bytes; gunicorn refuses a longer head
MAX_BUFFERED_BODY: Final = 65_536  # bytes; longer bodies are read by the view, after its permission check

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?=\r\n)", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)


def is_complete(received: bytes | bytearray) -> bool:
    """Return whether the head, and a body of at most MAX_BUFFERED_BODY, have arrived."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return len(received) > MAX_HEAD
    length = _body_length(received, end)
    return length > MAX_BUFFERED_BODY or len(received) >= end + 4 + length


def without_expectation(received: bytearray) -> bytearray | None:
    """Return the request without its "Expect: 100-continue", or None where the client sends its body anyway.

    A short body is buffered before a thread sees the request, so the client is asked for it here.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0 or _body_length(received, end) > MAX_BUFFERED_BODY:
        return None
    expectation = _EXPECT.search(received, 0, end + 2)
    return received[: expectation.start()] + received[expectation.end() :] if expectation else None


def _body_length(received: bytes | bytearray, end: int) -> int:
    length = _LENGTH.search(received, 0, end + 2)
    return int(length[1]) if length else 0
