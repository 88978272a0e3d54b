"""A ZIP that is streamed while it is written; equal members give equal bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

MANIFEST: Final = "manifest.json"
FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)  # of the format; the real time would change the bytes
UNIX: Final = 3
MODE: Final = 0o600


@dataclass(frozen=True)
class Member:
    """A file of the archive; `chunks` yields its content when it is written."""

    name: str
    chunks: Callable[[], Iterable[bytes]]


class _Sink:
    """A file without position that keeps what was written until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing: the bytes are kept until they are taken."""

    def close(self) -> None:
        """Do nothing: the archive ends with its last bytes."""

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def json_member(name: str, content: Any) -> Member:
    """Return a member with canonical JSON."""
    return Member(name, lambda: [json_bytes(content)])


def json_bytes(content: Any) -> bytes:
    """Return values as JSON with sorted keys."""
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def stream(members: Iterable[Member], *, head: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the bytes of the archive; its last member lists SHA-256 and length of all others after `head`."""
    sink, listed = _Sink(), []
    with ZipFile(sink, "w") as archive:
        for member in members:
            digest, length = hashlib.sha256(), 0
            with archive.open(_info(member.name), "w", force_zip64=True) as file:
                for chunk in member.chunks():
                    file.write(chunk)
                    digest.update(chunk)
                    length += len(chunk)
                    yield sink.take()
            listed.append({"name": member.name, "sha256": digest.hexdigest(), "bytes": length})
        with archive.open(_info(MANIFEST), "w", force_zip64=True) as file:
            file.write(json_bytes({**head, "members": listed}))
    yield sink.take()


def _info(name: str) -> ZipInfo:
    info = ZipInfo(name, FIRST_DAY)
    info.compress_type, info.create_system, info.external_attr = ZIP_DEFLATED, UNIX, MODE << 16
    return info
