"""Downloads from a real server on the loopback: whole, cut, changed, wrong, and led astray."""

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

WHOLE = bytes(range(256)) * 8000  # 2 MB
SHA256 = hashlib.sha256(WHOLE).hexdigest()


class Host(ThreadingHTTPServer):
    """A file host that can break; it writes down which ranges were asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.content, self.tag = WHOLE, '"one"'
        self.cut_after: list[int] = []  # bytes of the next answers
        self.asked: list[str] = []
        self.statuses: list[int] = []  # of the next answers, instead of the file

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went in the middle."""

    def url(self, path: str = "/radiographs.zip") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class Answers(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        host = self.server
        host.asked.append(self.headers.get("Range", ""))
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
        wanted = self.headers.get("Range", "")
        if wanted and self.headers.get("If-Range") == host.tag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
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
        """Say nothing."""


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


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole_and_its_checksum_is_written_down(host: Host, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []

    fetched = fetch(part(host), tmp_path, on_progress=lambda there, total: seen.append((there, total)))

    assert fetched.path.read_bytes() == WHOLE
    assert (fetched.sha256, fetched.known_before) == (SHA256, False)
    assert seen[-1] == (len(WHOLE), len(WHOLE))
    assert left_in(tmp_path) == ["SHA256SUMS", "radiographs.zip"]
    assert (tmp_path / "SHA256SUMS").read_text() == f"{SHA256}  radiographs.zip\n"


def test_a_file_that_is_there_is_not_fetched_again(host: Host, tmp_path: Path) -> None:
    fetch(part(host), tmp_path)

    assert fetch(part(host), tmp_path).known_before
    assert len(host.asked) == 1


def test_a_cut_download_goes_on_where_it_was(host: Host, tmp_path: Path) -> None:
    host.cut_after = [700_000, 500_000]

    fetched = fetch(part(host), tmp_path, pause=0)

    assert fetched.sha256 == SHA256
    assert host.asked == ["", "bytes=700000-", "bytes=1200000-"]


def test_a_download_that_is_cut_again_and_again_goes_on_at_the_next_command(
    host: Host, tmp_path: Path
) -> None:
    host.cut_after = [100_000] * 3
    with pytest.raises(DownloadError, match="goes on from there"):
        fetch(part(host), tmp_path, pause=0)
    assert not (tmp_path / "radiographs.zip").exists()

    assert fetch(part(host), tmp_path, pause=0).sha256 == SHA256
    assert host.asked[-1] == "bytes=300000-"


def test_a_file_that_changed_meanwhile_is_begun_anew(host: Host, tmp_path: Path) -> None:
    host.cut_after = [100_000] * 3
    with pytest.raises(DownloadError):
        fetch(part(host), tmp_path, pause=0)
    host.content, host.tag = WHOLE[::-1], '"two"'

    assert fetch(part(host), tmp_path, pause=0).path.read_bytes() == WHOLE[::-1]


def test_without_a_sign_of_the_version_a_download_is_begun_anew(host: Host, tmp_path: Path) -> None:
    host.tag, host.cut_after = "", [100_000]

    assert fetch(part(host), tmp_path, pause=0).sha256 == SHA256
    assert host.asked == ["", ""]


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(host: Host, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="not what it should be"):
        fetch(part(host, sha256="0" * 64), tmp_path)

    assert "radiographs.zip" not in left_in(tmp_path)
    assert ".radiographs.zip.part" not in left_in(tmp_path)


def test_a_checksum_trusted_once_is_asked_for_from_then_on(host: Host, tmp_path: Path) -> None:
    fetch(part(host), tmp_path)
    (tmp_path / "radiographs.zip").unlink()
    host.content = WHOLE[:-1]

    with pytest.raises(DownloadError, match="SHA256SUMS"):
        fetch(part(host), tmp_path)


def test_a_file_that_was_changed_here_is_named_and_left_alone(host: Host, tmp_path: Path) -> None:
    fetch(part(host), tmp_path)
    (tmp_path / "radiographs.zip").write_bytes(b"changed")

    with pytest.raises(DownloadError, match="was changed since"):
        fetch(part(host), tmp_path)

    assert (tmp_path / "radiographs.zip").read_bytes() == b"changed"


def test_what_is_not_there_is_said_at_once(host: Host, tmp_path: Path) -> None:
    host.statuses = [404]

    with pytest.raises(DownloadError, match="answers 404"):
        fetch(part(host), tmp_path)

    assert len(host.asked) == 1


def test_a_server_in_trouble_is_asked_again(host: Host, tmp_path: Path) -> None:
    host.statuses = [503, 502]

    assert fetch(part(host), tmp_path, pause=0).sha256 == SHA256


def test_more_than_the_limit_is_refused_by_its_announced_size(host: Host, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="larger than 1,000,000 bytes"):
        fetch(part(host), tmp_path, largest=1_000_000)


@pytest.mark.parametrize(
    "where", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "gopher:x"]
)
def test_no_address_but_http_is_read_or_followed(host: Host, tmp_path: Path, where: str) -> None:
    with pytest.raises(DownloadError):
        fetch(Part("x", where), tmp_path)
    with pytest.raises(DownloadError):
        fetch(part(host, f"/to/{where}"), tmp_path, pause=0)

    assert left_in(tmp_path) == []


def test_a_redirect_to_another_http_address_is_followed(host: Host, tmp_path: Path) -> None:
    assert fetch(part(host, f"/to/{host.url()}"), tmp_path).sha256 == SHA256


def test_without_a_network_the_message_says_which_host(tmp_path: Path) -> None:
    nobody = Part("x.zip", f"http://127.0.0.1:{free_port()}/x.zip")

    with pytest.raises(DownloadError, match=r"127\.0\.0\.1 cannot be reached"):
        fetch(nobody, tmp_path, pause=0)


def test_the_command_says_the_licence_and_that_the_checksum_is_new(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        dataset_catalogue.DATASETS, "cohen", Dataset("Radiographs", "a home", "Free for all.", (part(host),))
    )
    out = io.StringIO()

    call_command("fetch_dataset", "cohen", into=tmp_path / "new", stdout=out)

    assert "Licence: Free for all." in out.getvalue()
    assert "this first one is trusted" in out.getvalue()
    assert SHA256 in out.getvalue()
    assert "of 2 MB" in out.getvalue()
    assert (tmp_path / "new" / "radiographs.zip").is_file()


@pytest.mark.parametrize("name", ["radiography", "kaggle-pneumonia"])
def test_what_needs_an_account_is_told_to_be_fetched_by_hand(name: str) -> None:
    with pytest.raises(CommandError, match="only to people with an account"):
        call_command("fetch_dataset", name, stdout=io.StringIO())


def test_every_known_address_is_https_and_has_a_licence() -> None:
    for dataset in dataset_catalogue.DATASETS.values():
        assert dataset.licence
        assert dataset.parts or dataset.by_hand
        assert all(each.url.startswith("https://") for each in dataset.parts)


def test_the_checksums_are_those_of_sha256sum(host: Host, tmp_path: Path) -> None:
    (tmp_path / downloads.SUMS).write_text(f"{SHA256} *radiographs.zip\n")

    assert fetch(part(host), tmp_path).known_before
