"""Downloading a file over HTTP: it goes on where it was cut and is kept only if it is what it should be."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit

from diagnostics.imports.dataset_catalogue import Part

LARGEST: Final = 8 * 1024**3  # bytes
CHUNK: Final = 1024 * 1024
TIMEOUT: Final = 30.0  # seconds without a byte
TRIES: Final = 3
PAUSE: Final = 1.0  # seconds before another try, longer each time
SUMS: Final = "SHA256SUMS"  # as sha256sum writes and checks it
SCHEMES: Final = ("http", "https")

OnProgress = Callable[[int, int | None], None]  # bytes there, bytes in all where it is known


class DownloadError(Exception):
    """The file was not kept; the message is for a person."""


class Cut(Exception):
    """The line broke; what has come stays and another try goes on from there."""


@dataclass(frozen=True)
class DownloadedFile:
    """A file that is here now."""

    path: Path
    sha256: str
    known_before: bool  # false: nobody knew this checksum, and it is trusted from now on


def fetch(
    part: Part,
    into: Path,
    *,
    on_progress: OnProgress = lambda _there, _all: None,
    largest: int = LARGEST,
    timeout: float = TIMEOUT,
    pause: float = PAUSE,
) -> DownloadedFile:
    """Bring one file into an existing folder, or find it there; raises FetchRefused or OSError."""
    _check_scheme(part.url)
    target, draft = into / part.name, into / f".{part.name}.part"
    expected = part.sha256 or _recorded(into).get(part.name, "")
    if target.is_file():
        return _kept(target, target, expected)
    for attempt in range(1, TRIES + 1):
        try:
            _download(part, draft, on_progress, largest, timeout)
            break
        except Cut as cut:
            if attempt == TRIES:
                raise DownloadError(
                    f"The download was cut: {cut}. The same command goes on from there."
                ) from cut
            time.sleep(pause * attempt)
    return _kept(draft, target, expected)


def _download(part: Part, draft: Path, on_progress: OnProgress, largest: int, timeout: float) -> None:
    there, validator = _resume_at(draft, part.url)
    headers = {"User-Agent": "Readroom", "Accept-Encoding": "identity"}
    if there:
        # The server sends the rest only if the file is still the one we have a part of.
        headers |= {"Range": f"bytes={there}-", "If-Range": validator}
    try:
        with _opener().open(urllib.request.Request(part.url, headers=headers), timeout=timeout) as answer:
            goes_on = answer.status == 206 and _starts_at(answer.headers, there)
            _remember(draft, part.url, answer.headers)
            _pour(answer, draft, there if goes_on else 0, on_progress, largest)
    except urllib.error.HTTPError as trouble:
        with trouble:
            if trouble.code == 416:  # more than there is: what we have is of another file
                draft.unlink(missing_ok=True)
                raise Cut("the file has changed") from trouble
            _give_up(part, trouble)
    except urllib.error.URLError as trouble:
        raise Cut(f"{urlsplit(part.url).hostname} cannot be reached ({trouble.reason})") from trouble
    except (http.client.HTTPException, TimeoutError, ConnectionError) as trouble:
        raise Cut(str(trouble) or type(trouble).__name__) from trouble


def _pour(answer: Any, draft: Path, there: int, on_progress: OnProgress, largest: int) -> None:
    length = answer.headers.get("Content-Length")
    total = there + int(length) if length and length.isdigit() else None
    if (total or 0) > largest:
        raise DownloadError(f"The file is larger than {largest:,} bytes.")
    with draft.open("ab" if there else "wb") as file:
        while piece := answer.read(CHUNK):
            there += len(piece)
            if there > largest:
                raise DownloadError(f"The file is larger than {largest:,} bytes.")
            file.write(piece)
            on_progress(there, total)
    if total is not None and there < total:
        raise Cut(f"{there:,} of {total:,} bytes came")


def _kept(found: Path, target: Path, expected: str) -> DownloadedFile:
    """Compare the checksum, move the file to its name, and write the checksum down."""
    sha256 = _sha256(found)
    if expected and sha256 != expected:
        raise DownloadError(_another(found, target, sha256, expected))
    found.replace(target)
    _note_of(found).unlink(missing_ok=True)
    _record(target.parent, target.name, sha256)
    return DownloadedFile(target, sha256, known_before=bool(expected))


def _another(found: Path, target: Path, sha256: str, expected: str) -> str:
    sums = f"its SHA-256 is {sha256}, expected {expected}."
    if found == target:
        return f"{target.name} was changed since it was fetched: {sums}"
    found.unlink()
    return (
        f"{target.name} is not what it should be and was not kept: {sums} "
        f"If its makers have changed it, take its line out of {SUMS} first."
    )


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follow to http and https alone, and never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        _check_scheme(newurl)
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise DownloadError("The server leads from https to http, which is not followed.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _opener() -> urllib.request.OpenerDirector:
    # urllib's own opener would read file: and ftp: as well.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _SafeRedirects(),
    ):
        opener.add_handler(handler)
    return opener


def _check_scheme(url: str) -> None:
    if urlsplit(url).scheme not in SCHEMES:
        raise DownloadError("Only http and https addresses are fetched.")


def _give_up(part: Part, trouble: urllib.error.HTTPError) -> None:
    if 300 <= trouble.code < 400:
        raise DownloadError("The server leads to an address that is not followed.") from trouble
    if trouble.code >= 500:
        raise Cut(f"the server answers {trouble.code}") from trouble
    raise DownloadError(f"The server answers {trouble.code} for {part.url}.") from trouble


def _resume_at(draft: Path, url: str) -> tuple[int, str]:
    """Say how many bytes are there and how the server tells that file from others; 0 to begin anew."""
    try:
        note = json.loads(_note_of(draft).read_text())
        if note["url"] == url and note["validator"]:
            return draft.stat().st_size, str(note["validator"])
    except (OSError, ValueError, KeyError):
        pass
    return 0, ""


def _remember(draft: Path, url: str, headers: Message) -> None:
    tag = headers.get("ETag", "")
    validator = headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
    _note_of(draft).write_text(json.dumps({"url": url, "validator": validator}))


def _note_of(draft: Path) -> Path:
    return draft.with_name(f"{draft.name}.json")


def _starts_at(headers: Message, there: int) -> bool:
    return str(headers.get("Content-Range", "")).startswith(f"bytes {there}-")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recorded(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / SUMS).read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {name.lstrip("*"): sha256 for sha256, name in pairs}


def _record(folder: Path, name: str, sha256: str) -> None:
    sums = _recorded(folder) | {name: sha256}
    draft = folder / f".{SUMS}.tmp"
    draft.write_text("".join(f"{value}  {key}\n" for key, value in sorted(sums.items())))
    draft.replace(folder / SUMS)
