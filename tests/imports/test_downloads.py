"""Downloads from a server on the loopback: complete, interrupted, changed, damaged and redirected."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from diagnostics.imports import dataset_catalogue, downloads
from diagnostics.imports.dataset_catalogue import Dataset, Part
from diagnostics.imports.downloads import DownloadError, fetch
from tests.servers import free_port

CONTENT = bytes(range(256)) * 8000  # 2 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Host(ThreadingHTTPServer):
    """A file server that can fail; it records the requested ranges."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RequestHandler)
        self.content, self.tag = CONTENT, '"one"'
        self.cut_after: list[int] = []  # bytes sent before each of the next responses is cut
        self.ranges: list[str] = []
        self.statuses: list[int] = []  # of the next responses, instead of the file

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that closed the connection."""

    def url(self, path: str = "/radiographs.zip") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class RequestHandler(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        host = self.server
        host.ranges.append(self.headers.get("Range", ""))
        if host.statuses:
            self.send_error(host.statuses.pop(0))
        elif self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        else:
            self._send()

    def _send(self) -> None:
        host, start = self.server, 0
        requested = self.headers.get("Range", "")
        if requested and self.headers.get("If-Range") == host.tag:
            start = int(requested.removeprefix("bytes=").rstrip("-"))
        body = host.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(host.content) - 1}/{len(host.content)}")
        if host.tag:
            self.send_header("ETag", host.tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: host.cut_after.pop(0)] if host.cut_after else body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def host() -> Iterator[Host]:
    server = Host()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def part(host: Host, path: str = "/radiographs.zip", sha256: str = "") -> Part:
    return Part("radiographs.zip", host.url(path), sha256)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_downloaded_and_its_checksum_recorded(host: Host, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []

    fetched = fetch(part(host), tmp_path, on_progress=lambda received, total: seen.append((received, total)))

    assert fetched.path.read_bytes() == CONTENT
    assert (fetched.sha256, fetched.checksum_known) == (SHA256, False)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert names_in(tmp_path) == ["SHA256SUMS", "radiographs.zip"]
    assert (tmp_path / "SHA256SUMS").read_text() == f"{SHA256}  radiographs.zip\n"


def test_an_existing_file_is_not_downloaded_again(host: Host, tmp_path: Path) -> None:
    fetch(part(host), tmp_path)

    assert fetch(part(host), tmp_path).checksum_known
    assert len(host.ranges) == 1


def test_an_interrupted_download_resumes_after_the_received_bytes(host: Host, tmp_path: Path) -> None:
    host.cut_after = [700_000, 500_000]

    fetched = fetch(part(host), tmp_path, pause=0)

    assert fetched.sha256 == SHA256
    assert host.ranges == ["", "bytes=700000-", "bytes=1200000-"]


def test_a_download_interrupted_three_times_resumes_with_the_next_command(host: Host, tmp_path: Path) -> None:
    host.cut_after = [100_000] * 3
    with pytest.raises(DownloadError, match="Repeat the command to resume it"):
        fetch(part(host), tmp_path, pause=0)
    assert not (tmp_path / "radiographs.zip").exists()

    assert fetch(part(host), tmp_path, pause=0).sha256 == SHA256
    assert host.ranges[-1] == "bytes=300000-"


def test_a_file_changed_on_the_server_is_downloaded_from_the_start(host: Host, tmp_path: Path) -> None:
    host.cut_after = [100_000] * 3
    with pytest.raises(DownloadError):
        fetch(part(host), tmp_path, pause=0)
    host.content, host.tag = CONTENT[::-1], '"two"'

    assert fetch(part(host), tmp_path, pause=0).path.read_bytes() == CONTENT[::-1]


def test_a_download_without_a_validator_starts_again(host: Host, tmp_path: Path) -> None:
    host.tag, host.cut_after = "", [100_000]

    assert fetch(part(host), tmp_path, pause=0).sha256 == SHA256
    assert host.ranges == ["", ""]


def test_a_file_with_a_wrong_checksum_is_deleted(host: Host, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="does not match its checksum"):
        fetch(part(host, sha256="0" * 64), tmp_path)

    assert "radiographs.zip" not in names_in(tmp_path)
    assert ".radiographs.zip.part" not in names_in(tmp_path)


def test_a_recorded_checksum_is_required_from_then_on(host: Host, tmp_path: Path) -> None:
    fetch(part(host), tmp_path)
    (tmp_path / "radiographs.zip").unlink()
    host.content = CONTENT[:-1]

    with pytest.raises(DownloadError, match="SHA256SUMS"):
        fetch(part(host), tmp_path)


def test_a_locally_modified_file_is_reported_and_kept(host: Host, tmp_path: Path) -> None:
    fetch(part(host), tmp_path)
    (tmp_path / "radiographs.zip").write_bytes(b"changed")

    with pytest.raises(DownloadError, match="was modified after"):
        fetch(part(host), tmp_path)

    assert (tmp_path / "radiographs.zip").read_bytes() == b"changed"


def test_a_missing_file_is_reported_without_a_second_attempt(host: Host, tmp_path: Path) -> None:
    host.statuses = [404]

    with pytest.raises(DownloadError, match="status 404"):
        fetch(part(host), tmp_path)

    assert len(host.ranges) == 1


def test_a_server_error_is_retried(host: Host, tmp_path: Path) -> None:
    host.statuses = [503, 502]

    assert fetch(part(host), tmp_path, pause=0).sha256 == SHA256


def test_a_file_above_the_limit_is_refused_by_its_announced_size(host: Host, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="larger than 1,000,000 bytes"):
        fetch(part(host), tmp_path, max_bytes=1_000_000)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "gopher:x"])
def test_only_http_addresses_are_downloaded_or_followed(host: Host, tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError):
        fetch(Part("x", url), tmp_path)
    with pytest.raises(DownloadError):
        fetch(part(host, f"/to/{url}"), tmp_path, pause=0)

    assert names_in(tmp_path) == []


def test_a_redirect_to_another_http_address_is_followed(host: Host, tmp_path: Path) -> None:
    assert fetch(part(host, f"/to/{host.url()}"), tmp_path).sha256 == SHA256


def test_an_unreachable_host_is_named_in_the_message(tmp_path: Path) -> None:
    unreachable = Part("x.zip", f"http://127.0.0.1:{free_port()}/x.zip")

    with pytest.raises(DownloadError, match=r"127\.0\.0\.1 cannot be reached"):
        fetch(unreachable, tmp_path, pause=0)


def test_the_command_prints_the_licence_and_that_the_checksum_is_new(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        dataset_catalogue.DATASETS,
        "cohen",
        Dataset("Radiographs", "homepage", "Free for all.", (part(host),)),
    )
    out = io.StringIO()

    call_command("fetch_dataset", "cohen", into=tmp_path / "new", stdout=out)

    assert "Licence: Free for all." in out.getvalue()
    assert "No checksum is published for this file" in out.getvalue()
    assert SHA256 in out.getvalue()
    assert "of 2 MB" in out.getvalue()
    assert (tmp_path / "new" / "radiographs.zip").is_file()


@pytest.mark.parametrize("name", ["radiography", "kaggle-pneumonia"])
def test_a_dataset_that_requires_an_account_has_manual_instructions(name: str) -> None:
    with pytest.raises(CommandError, match="requires an account"):
        call_command("fetch_dataset", name, stdout=io.StringIO())


def test_every_dataset_has_a_licence_and_https_addresses() -> None:
    for dataset in dataset_catalogue.DATASETS.values():
        assert dataset.licence
        assert dataset.parts or dataset.manual_download
        assert all(file.url.startswith("https://") for file in dataset.parts)


def test_recorded_checksums_have_the_format_of_sha256sum(host: Host, tmp_path: Path) -> None:
    (tmp_path / downloads.SUMS).write_text(f"{SHA256} *radiographs.zip\n")

    assert fetch(part(host), tmp_path).checksum_known
