"""Downloads a file over HTTP, resumes after interruptions and verifies the checksum."""

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

MAX_BYTES: Final = 8 * 1024**3
CHUNK: Final = 1024 * 1024
TIMEOUT: Final = 30.0  # seconds without a byte
ATTEMPTS: Final = 3
PAUSE: Final = 1.0  # seconds before the second attempt; longer before each further one
SUMS: Final = "SHA256SUMS"  # in the format of sha256sum
SCHEMES: Final = ("http", "https")

OnProgress = Callable[[int, int | None], None]  # bytes received, total bytes if known


class DownloadError(Exception):
    """A download that was not stored; the message is for the user."""


class Interrupted(Exception):
    """The connection broke. The bytes received so far stay, and the next attempt resumes after them."""


@dataclass(frozen=True)
class DownloadedFile:
    """A complete, verified file."""

    path: Path
    sha256: str
    checksum_known: bool  # False: the checksum was unknown and is trusted from now on


def fetch(
    part: Part,
    into: Path,
    *,
    on_progress: OnProgress = lambda _received, _total: None,
    max_bytes: int = MAX_BYTES,
    timeout: float = TIMEOUT,
    pause: float = PAUSE,
) -> DownloadedFile:
    """Download one file into an existing folder unless it exists there; raises DownloadError or OSError."""
    _check_scheme(part.url)
    target, partial = into / part.name, into / f".{part.name}.part"
    expected = part.sha256 or _recorded_checksums(into).get(part.name, "")
    if target.is_file():
        return _verified(target, target, expected)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _download(part, partial, on_progress, max_bytes, timeout)
            break
        except Interrupted as interruption:
            if attempt == ATTEMPTS:
                raise DownloadError(
                    f"The download was interrupted: {interruption}. Repeat the command to resume it."
                ) from interruption
            time.sleep(pause * attempt)
    return _verified(partial, target, expected)


def _download(part: Part, partial: Path, on_progress: OnProgress, max_bytes: int, timeout: float) -> None:
    received, validator = _resume_at(partial, part.url)
    headers = {"User-Agent": "Readroom", "Accept-Encoding": "identity"}
    if received:
        # If-Range: the server sends the rest only if the file has not changed since.
        headers |= {"Range": f"bytes={received}-", "If-Range": validator}
    try:
        request = urllib.request.Request(part.url, headers=headers)  # noqa: S310 - a URL of our catalogue
        with _opener().open(request, timeout=timeout) as response:
            resumed = response.status == 206 and _starts_at(response.headers, received)
            _write_resume_note(partial, part.url, response.headers)
            _receive(response, partial, received if resumed else 0, on_progress, max_bytes)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:  # range not satisfiable: the partial file is of another version
                partial.unlink(missing_ok=True)
                raise Interrupted("the file has changed") from error
            _raise_http_error(part, error)
    except urllib.error.URLError as error:
        raise Interrupted(f"{urlsplit(part.url).hostname} cannot be reached ({error.reason})") from error
    except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise Interrupted(str(error) or type(error).__name__) from error


def _receive(response: Any, partial: Path, received: int, on_progress: OnProgress, max_bytes: int) -> None:
    length = response.headers.get("Content-Length")
    total = received + int(length) if length and length.isdigit() else None
    if (total or 0) > max_bytes:
        raise DownloadError(f"The file is larger than {max_bytes:,} bytes.")
    with partial.open("ab" if received else "wb") as file:
        while chunk := response.read(CHUNK):
            received += len(chunk)
            if received > max_bytes:
                raise DownloadError(f"The file is larger than {max_bytes:,} bytes.")
            file.write(chunk)
            on_progress(received, total)
    if total is not None and received < total:
        raise Interrupted(f"{received:,} of {total:,} bytes received")


def _verified(source: Path, target: Path, expected: str) -> DownloadedFile:
    """Compare the checksum, move the file to its final name, and record the checksum."""
    sha256 = _sha256(source)
    if expected and sha256 != expected:
        raise DownloadError(_checksum_mismatch(source, target, sha256, expected))
    source.replace(target)
    _resume_note(source).unlink(missing_ok=True)
    _record_checksum(target.parent, target.name, sha256)
    return DownloadedFile(target, sha256, checksum_known=bool(expected))


def _checksum_mismatch(source: Path, target: Path, sha256: str, expected: str) -> str:
    checksums = f"its SHA-256 is {sha256}, expected {expected}."
    if source == target:
        return f"{target.name} was modified after its download: {checksums}"
    source.unlink()
    return (
        f"{target.name} does not match its checksum and was deleted: {checksums} "
        f"If its publisher has changed the file, remove its line from {SUMS} first."
    )


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to http and https only, and never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        _check_scheme(newurl)
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise DownloadError("The server redirects from https to http, which is not allowed.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _opener() -> urllib.request.OpenerDirector:
    # The default opener of urllib would also read file: and ftp: addresses.
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
        raise DownloadError("Only http and https addresses are allowed.")


def _raise_http_error(part: Part, error: urllib.error.HTTPError) -> None:
    if 300 <= error.code < 400:
        raise DownloadError("The server redirects to an address that is not allowed.") from error
    if error.code >= 500:
        raise Interrupted(f"the server responded with status {error.code}") from error
    raise DownloadError(f"The server responded with status {error.code} for {part.url}.") from error


def _resume_at(partial: Path, url: str) -> tuple[int, str]:
    """Return the number of bytes already received and the validator of their version; 0 to start again."""
    try:
        note = json.loads(_resume_note(partial).read_text())
        if note["url"] == url and note["validator"]:
            return partial.stat().st_size, str(note["validator"])
    except (OSError, ValueError, KeyError):
        pass
    return 0, ""


def _write_resume_note(partial: Path, url: str, headers: Message) -> None:
    tag = headers.get("ETag", "")
    validator = headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
    _resume_note(partial).write_text(json.dumps({"url": url, "validator": validator}))


def _resume_note(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")


def _starts_at(headers: Message, offset: int) -> bool:
    return str(headers.get("Content-Range", "")).startswith(f"bytes {offset}-")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recorded_checksums(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / SUMS).read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {name.lstrip("*"): sha256 for sha256, name in pairs}


def _record_checksum(folder: Path, name: str, sha256: str) -> None:
    sums = _recorded_checksums(folder) | {name: sha256}
    draft = folder / f".{SUMS}.tmp"
    draft.write_text("".join(f"{value}  {key}\n" for key, value in sorted(sums.items())))
    draft.replace(folder / SUMS)
