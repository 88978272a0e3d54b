"""Messages of the type multipart/related (RFC 2387): parts of a request, and the body of a response."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from email.message import Message
from typing import Final, Protocol

from django.utils.translation import gettext as _

from diagnostics.integrations.errors.dicomweb import InvalidBody, UnsupportedMediaType

CHUNK: Final = 1 << 20  # bytes
MAX_HEADER: Final = 8192  # bytes of the header of a part
BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{1,70}")  # RFC 2046
OTHER_TYPE: Final = b""  # stands for a part that is no DICOM file: receiving refuses it as empty


class Readable(Protocol):
    """What a part of a body can be read from."""

    def read(self, size: int, /) -> bytes: ...


def boundary_of(content_type: str) -> bytes:
    """Return the boundary of a body; raises UnsupportedMediaType, InvalidBody."""
    message = Message()
    message["Content-Type"] = content_type
    root = str(message.get_param("type", "application/dicom")).lower()
    if message.get_content_type() != "multipart/related" or root != "application/dicom":
        raise UnsupportedMediaType(
            _('The body must be multipart/related; type="application/dicom", one file per part.')
        )
    boundary = str(message.get_param("boundary", ""))
    if not BOUNDARY.fullmatch(boundary):
        raise InvalidBody(_("The content type names no valid boundary."))
    return boundary.encode()


def read_parts(stream: Readable, boundary: bytes, *, most: int) -> Iterator[bytes]:
    """Yield the content of each part; of a part longer than `most` bytes, its first `most` + 1 bytes.

    Raises InvalidBody for a body that ends before its last boundary. Holds one part in memory.
    """
    delimiter = b"\r\n--" + boundary
    pending = _Pending(stream)
    pending.data += b"\r\n"  # so that the first boundary is found like the others
    pending.skip_past(delimiter)
    while not pending.ends_here():
        yield _content(pending.take_until(delimiter, MAX_HEADER + most))


def _content(part: bytes) -> bytes:
    head, blank, content = part.partition(b"\r\n\r\n")
    if not blank or len(head) > MAX_HEADER:
        raise InvalidBody(_("A part of the body has no header."))
    return content


class _Pending:
    """Bytes of a stream that are read but not taken yet."""

    def __init__(self, stream: Readable) -> None:
        self.stream, self.data = stream, bytearray()

    def take_until(self, delimiter: bytes, most: int) -> bytes:
        """Return the bytes before a delimiter, at most so many, and skip past it."""
        taken, start = bytearray(), 0
        while (found := self.data.find(delimiter, start)) < 0:
            keep = len(self.data) - len(delimiter) + 1  # the delimiter may be cut here
            if keep > 0:
                taken += self.data[:keep] if len(taken) <= most else b""
                del self.data[:keep]
            self._read()
        taken += self.data[:found]
        del self.data[: found + len(delimiter)]
        return bytes(taken)

    def skip_past(self, delimiter: bytes) -> None:
        """Skip the text before the first part."""
        self.take_until(delimiter, 0)

    def ends_here(self) -> bool:
        """Return whether the delimiter that was skipped is the last one."""
        while len(self.data) < 2:
            self._read()
        return self.data.startswith(b"--")

    def _read(self) -> None:
        chunk = self.stream.read(CHUNK)
        if not chunk:
            raise InvalidBody(_("The body ends before its last boundary."))
        self.data += chunk


def joined(parts: Iterable[bytes], part_type: str) -> tuple[bytes, str]:
    """Return the body of a response, and its content type."""
    boundary = secrets.token_hex(16)
    head = f"--{boundary}\r\nContent-Type: {part_type}\r\n\r\n".encode()
    body = b"".join(head + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
    return body, f'multipart/related; type="{part_type.partition(";")[0]}"; boundary={boundary}'
