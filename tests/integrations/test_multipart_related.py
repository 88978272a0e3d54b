"""Bodies of the type multipart/related: their parts, however the bytes arrive."""

from __future__ import annotations

import io
from email import message_from_bytes
from email.policy import HTTP

import pytest

from diagnostics.integrations import multipart_related
from diagnostics.integrations.errors.dicomweb import InvalidBody, UnsupportedMediaType
from diagnostics.integrations.media_types import MediaType, chosen

PARTS = [b"first", b"\r\n--limi\r\n\r\n", bytes(range(256)) * 20, b""]
HEAD = b"\r\n--limit\r\nContent-Type: application/dicom\r\n\r\n"
BODY = b"".join(HEAD + part for part in PARTS).removeprefix(b"\r\n") + b"\r\n--limit--\r\n"


class Slow(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def __init__(self, content: bytes, size: int) -> None:
        super().__init__(content)
        self.size = size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(self.size, size or self.size))


@pytest.mark.parametrize("size", [1, 7, 100, 1 << 20])
def test_the_parts_are_those_that_were_sent_however_many_bytes_arrive_at_a_time(size: int):
    parts = multipart_related.read_parts(Slow(BODY, size), b"limit", most=1 << 20)

    assert list(parts) == PARTS


def test_text_before_the_first_boundary_is_skipped():
    parts = multipart_related.read_parts(io.BytesIO(b"preamble\r\n" + BODY), b"limit", most=1 << 20)

    assert list(parts) == PARTS


def test_a_part_above_the_limit_is_cut_and_the_next_one_is_whole():
    body = HEAD + b"x" * 200_000 + HEAD + b"next" + b"\r\n--limit--"

    long, following = multipart_related.read_parts(Slow(body, 4096), b"limit", most=1000)

    assert 1000 < len(long) < 20_000
    assert following == b"next"


@pytest.mark.parametrize(
    "body", [b"", b"no boundary", BODY[:-13], HEAD + b"cut", b"\r\n--limit\r\nno header\r\n--limit--"]
)
def test_a_body_that_is_cut_is_refused(body: bytes):
    with pytest.raises(InvalidBody):
        list(multipart_related.read_parts(io.BytesIO(body), b"limit", most=1000))


@pytest.mark.parametrize(
    "content_type",
    [
        "application/dicom",
        "multipart/form-data; boundary=x",
        'multipart/related; type="image/jpeg"; boundary=x',
    ],
)
def test_another_content_type_is_not_supported(content_type: str):
    with pytest.raises(UnsupportedMediaType):
        multipart_related.boundary_of(content_type)


def test_a_response_is_read_by_the_parser_of_the_standard_library():
    body, content_type = multipart_related.joined([b"one", b"two"], "application/octet-stream")

    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body, policy=HTTP)

    parts = list(message.iter_parts())
    assert [part.get_payload(decode=True) for part in parts] == [b"one", b"two"]
    assert message.get_param("type") == "application/octet-stream"


def test_the_first_accepted_type_that_is_offered_is_chosen():
    offered = (MediaType("image/jpeg"), MediaType("image/png"))

    assert chosen("text/html, image/png, image/jpeg", offered).name == "image/png"
    assert chosen("", offered).name == "image/jpeg"
