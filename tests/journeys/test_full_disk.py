"""The whole installation on one small disk that another program fills: database, broker and files."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.conftest import send, wait_for_case
from tests.radiographs import individual_radiograph_png
from tests.servers import is_listening, wait_until
from tests.small_disk import SmallDisk, mounted_disk
from tests.stack import Stack
from tests.stack_fixtures import SHARED_PROCESSES
from tests.template_home import environment_of, template_home

pytestmark = [pytest.mark.stack, pytest.mark.network, pytest.mark.nightly]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted_disk(tmp_path / "disk", megabytes=64) as mounted:
        yield mounted


@pytest.fixture
def stack(disk: SmallDisk, session_cache: Path, small_bundle: Path) -> Iterator[Stack]:
    """Run an installation whose home is the small disk, with a reserve of four megabytes."""
    template = template_home(session_cache, "embedded", small_bundle) / "home"
    shutil.copytree(template, disk.folder, dirs_exist_ok=True)
    (disk.folder / "disk_reserve").unlink(missing_ok=True)
    environment = environment_of(disk.folder, bundle=small_bundle, servers={})
    running = Stack(disk.folder, environment | {"READROOM_DISK_RESERVE_MB": "4"})
    running.manage("prepare")
    running.start(*SHARED_PROCESSES)
    try:
        wait_until(lambda: is_listening(running.port), seconds=120, what="the start")
        yield running
    finally:
        running.stop()


def test_pages_and_logins_go_on_and_accepted_radiographs_get_their_prediction_later(
    stack: Stack, disk: SmallDisk
) -> None:
    client = stack.api_client("technician")
    wait_for_case(stack, client, send(client, patient="D-1"), seconds=120)
    stack.kill9_inference()
    waiting = send(client, patient="D-2")  # accepted, its prediction not yet computed
    disk.fill()
    stack.restart_inference()

    for name in ("technician", "radiologist", "admin"):  # each writes a session and audit records
        session = stack.session(name)
        assert session.get("/cases/").status == 200, stack.tail()
    number = client.get(waiting).json()["id"]
    technician = stack.session("technician")
    assert technician.get(f"/cases/{number}/").status == 200
    assert technician.get(f"/cases/{number}/radiograph.png").status == 200
    upload = {"radiograph": ("radiograph.png", individual_radiograph_png(49_001))}
    refused = client.post("/api/v1/cases/", {"patient_ref": "D-3"}, upload)
    assert (refused.status, refused.json()["code"]) == (503, "storage_unavailable")
    wait_until(
        lambda: "Storage full: waiting" in technician.get(f"/cases/{number}/").text,
        seconds=90,
        what=f"the status\n{stack.tail()}",
    )

    disk.free()

    assert wait_for_case(stack, client, waiting, seconds=120)["status"] == "done"
    assert send(client, patient="D-4")
    stack.stop()
    with sqlite3.connect(stack.home / "db.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
