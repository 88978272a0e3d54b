"""When the bytes of a request are enough for a thread: framing as in RFC 9112."""

from __future__ import annotations

import pytest

from webapp.request_framing import is_complete, without_expectation

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def post(length: int, body: bytes, header: bytes = b"Content-Length") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\n%s: %d\r\n\r\n%s" % (header, length, body)


@pytest.mark.parametrize(
    "received",
    [
        GET,
        GET + b"GET /next",  # pipelined
        post(3, b"abc"),
        post(3, b"abc", b"CONTENT-length"),
        post(65_537, b""),  # a view decides whether to read it
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",  # Django reads no such body
        b"x" * 65_537,  # gunicorn refuses such a head
    ],
)
def test_complete(received: bytes) -> None:
    assert is_complete(received)


@pytest.mark.parametrize(
    "received", [b"", GET[:-1], GET[:-3], post(3, b"ab"), post(65_536, b"x" * 65_535), b"x" * 65_536]
)
def test_incomplete(received: bytes) -> None:
    assert not is_complete(received)


def test_a_length_in_the_body_is_no_header() -> None:
    assert is_complete(post(23, b"\r\nContent-Length: 99\r\n\r\n"))


def test_an_expectation_is_removed_from_a_short_request_only() -> None:
    expectation = b"Expect: 100-continue\r\nContent-Length"

    assert without_expectation(bytearray(post(3, b"", expectation))) == bytearray(post(3, b""))
    assert without_expectation(bytearray(post(65_537, b"", expectation))) is None
    assert without_expectation(bytearray(GET)) is None
