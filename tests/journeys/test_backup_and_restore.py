"""A backup that is made while radiographs are uploaded restores to an equal installation elsewhere."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest

from tests.http_client import HttpClient
from tests.journeys.conftest import send, wait_for_case
from tests.servers import wait_until
from tests.stack import START_TIMEOUT, Stack
from webapp.processes import WEB

pytestmark = [pytest.mark.stack, pytest.mark.network]

ROWS = """
import json
from django.apps import apps
from diagnostics.cases.models import Prediction, Radiograph
print(json.dumps({
    "tables": {model._meta.db_table: model._base_manager.count() for model in apps.get_models()},
    # Other modules insert radiographs without files on a shared stack.
    "originals": dict(Radiograph.objects.exclude(original="").values_list("original", "file_sha256")),
    "images": [
        *Radiograph.objects.exclude(display="").values_list("display", flat=True),
        *Prediction.objects.exclude(overlay_file="").values_list("overlay_file", flat=True),
        *Prediction.objects.exclude(heatmap_file="").values_list("heatmap_file", flat=True),
    ],
}))
"""

ERASE = """
from django.utils import timezone
from diagnostics.accounts.models import Site, User
from diagnostics.privacy.services import erasure
site, admin = Site.objects.get(name="Test site backup"), User.objects.get(username="admin")
admin.sites.add(site)
erasure.erase_patient(site=site, patient_ref="R-0", reason="request", by=admin, now=timezone.now())
"""


def test_a_backup_during_uploads_restores_to_equal_rows_and_files_and_serves_them(
    stack: Stack, tmp_path: Path
) -> None:
    client, archive = stack.api_client(stack.site("backup").technician), tmp_path / "readroom.backup"
    first = wait_for_case(stack, client, send(client, patient="R-0"))

    with uploading(client) as uploaded:
        stack.shell(
            f"from django.core.management import call_command; call_command('backup', {str(archive)!r})"
        )
    assert uploaded, "nothing was uploaded during the backup"

    with empty_installation(stack, tmp_path / "home") as other:
        refuse_altered_copy(other, archive, tmp_path / "altered.backup")
        run(other, "restore", str(archive))
        restored = json.loads(other.shell(ROWS))
        assert_equal_files(restored, stack.home, other.home)
        assert_equal_counts(restored["tables"], archive)
        run(other, "verify_audit")  # raises an error for a missing event
        run(other, "prepare")
        assert_served(other, stack, first)
        assert_erased(other, first, restored)


def test_no_archive_is_restored_over_an_installation_in_use(stack: Stack, tmp_path: Path) -> None:
    before = json.loads(stack.shell(ROWS))["tables"]["cases_case"]
    archive = tmp_path / "any.backup"
    archive.write_bytes(b"")

    message = refusal(stack, archive)

    assert "not empty" in message
    assert json.loads(stack.shell(ROWS))["tables"]["cases_case"] >= before


def run(stack: Stack, *words: str) -> None:
    stack.shell(f"from django.core.management import call_command; call_command{words!r}")


def refusal(stack: Stack, archive: Path) -> str:
    """Return with which message a restore fails."""
    code = f"""
from django.core.management import CommandError, call_command
try:
    call_command("restore", {str(archive)!r})
except CommandError as error:
    print(error)
"""
    return stack.shell(code)


@contextmanager
def uploading(client: HttpClient) -> Iterator[list[str]]:
    """Upload radiographs, one after the other, while the block runs."""
    ended, uploaded = Event(), [send(client, patient="R-1")]

    def upload() -> None:
        while not ended.is_set():
            uploaded.append(send(client, patient=f"R-{len(uploaded) + 1}"))

    thread = Thread(target=upload)
    thread.start()
    try:
        yield uploaded
    finally:
        ended.set()
        thread.join()


@contextmanager
def empty_installation(stack: Stack, home: Path) -> Iterator[Stack]:
    """Yield a second installation of the same kind, with an empty home and an empty database."""
    environment = stack.environment | {"READROOM_HOME": str(home)}
    if url := environment.get("DATABASE_URL"):
        with psycopg.connect(url, autocommit=True) as server:
            server.execute("DROP DATABASE IF EXISTS restored")
            server.execute("CREATE DATABASE restored")
        environment["DATABASE_URL"] = url.removesuffix("/readroom") + "/restored"
    home.mkdir()
    other = Stack(home, environment)
    try:
        yield other
    finally:
        other.stop()


def refuse_altered_copy(other: Stack, archive: Path, altered: Path) -> None:
    """Flip one bit of a radiograph in a copy; its restore names the file and leaves nothing behind."""
    shutil.copy(archive, altered)
    with tarfile.open(archive) as tar:
        member = next(one for one in tar if one.name.endswith(".bin"))
    with altered.open("r+b") as file:
        file.seek(member.offset_data + member.size // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))

    assert member.name in refusal(other, altered)
    assert not (other.home / "media").exists()
    assert not list(other.home.glob(".restore-*"))


def assert_equal_counts(tables: dict[str, int], archive: Path) -> None:
    with tarfile.open(archive) as tar:
        listing = tar.extractfile("manifest.json")
        assert listing is not None
        rows = json.load(listing)["rows"]
    assert {table: rows.get(table) for table in tables} == tables


def assert_equal_files(restored: dict[str, object], live: Path, home: Path) -> None:
    originals, images = restored["originals"], restored["images"]
    assert isinstance(originals, dict)
    assert isinstance(images, list)
    assert originals
    if (live / "secret_key").exists():  # otherwise the environment has the key
        assert sha256(home / "secret_key") == sha256(live / "secret_key")
    assert {name: sha256(home / "media" / name) for name in originals} == originals
    assert {name: sha256(home / "media" / name) for name in images} == {
        name: sha256(live / "media" / name) for name in images
    }


def assert_served(other: Stack, stack: Stack, case: dict[str, object]) -> None:
    """Start the web process of the restored installation and compare what it serves."""
    other.start(WEB)
    wait_until(
        lambda: answers(other), seconds=START_TIMEOUT, what=f"the start of the web process\n{other.tail()}"
    )
    before = stack.api_client(stack.site("backup").technician)
    after = other.api_client(stack.site("backup").technician)
    path = f"/api/v1/cases/{case['id']}/"
    shown, expected = after.get(path).json(), before.get(path).json()
    assert shown["prediction"]["probabilities"] == expected["prediction"]["probabilities"]
    assert after.get(shown["prediction"]["heatmap_url"]).body == before.get(
        expected["prediction"]["heatmap_url"]
    ).body.replace(before.base_url.encode(), after.base_url.encode())


def assert_erased(other: Stack, case: dict[str, object], before: dict[str, object]) -> None:
    """Erase the patient of a case; its rows and files are gone, and all other files are as before."""
    other.shell(ERASE)
    after = json.loads(other.shell(ROWS))
    images, originals = before["images"], before["originals"]
    assert isinstance(images, list)
    assert isinstance(originals, dict)
    gone = {*originals, *images} - {*after["originals"], *after["images"]}
    assert len(gone) == 4  # the original, the displayed image, heatmaps and overlay of one case
    assert not any((other.home / "media" / name).exists() for name in gone)
    kept = after["originals"]
    assert {name: sha256(other.home / "media" / name) for name in kept} == kept
    assert other.api_client("backup-technician").get(f"/api/v1/cases/{case['id']}/").status == 404


def answers(stack: Stack) -> bool:
    try:
        return stack.session().get("/accounts/login/").status == 200
    except OSError:
        return False


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
