"""The watched folder: a result for every file, nothing lost or doubled by a kill, no name of a patient."""

from __future__ import annotations

import json
import os
import signal
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.integrations import watched_files
from diagnostics.integrations.errors.watched_folder import FolderInUse
from diagnostics.integrations.services import watched_folder
from tests.radiographs import radiograph_dicom, radiograph_png
from tests.servers import wait_until
from webapp.processes import WATCHED_FOLDER, all_processes

SMALL = (96, 96)


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Iterator[Path]:
    settings.MEDIA_ROOT = tmp_path / "media"
    watched = tmp_path / "watched"
    watched.mkdir()
    with watched_files.exclusive(watched):
        yield watched


def dicom(number: int) -> bytes:
    return radiograph_dicom(number, SMALL, PatientID=f"PAT-{number}")


def take(folder: Path, by: User) -> None:
    """Look twice, as the command does, without a change in between."""
    before = watched_files.sizes(folder)
    watched_folder.take_all(folder=folder, before=before, by=by, clock=timezone.now)


def results(folder: Path) -> dict[str, Any]:
    """Return the results by the name that each file came with."""
    found = [json.loads(path.read_text("utf-8")) for path in folder.glob("*/*.json")]
    assert len(found) == len({result["file"] for result in found})
    return {result["file"]: result for result in found}


def test_each_file_has_a_result_and_a_bad_one_stops_nothing(folder: Path, technician: User) -> None:
    (folder / "ward 3").mkdir()
    (folder / "ward 3" / "MEIER_ANNA.dcm").write_bytes(dicom(1))
    (folder / "a_broken.dcm").write_bytes(dicom(2)[:3000])
    (folder / "empty.png").write_bytes(b"")
    (folder / "letter.txt").write_text("Dear colleague")
    (folder / "unnamed.png").write_bytes(radiograph_png(3))

    take(folder, technician)

    codes = {name: result["code"] for name, result in results(folder).items()}
    assert codes == {
        "ward 3/MEIER_ANNA.dcm": "accepted",
        "a_broken.dcm": "damaged",
        "empty.png": "empty_file",
        "letter.txt": "unknown_format",
        "unnamed.png": "patient_ref_missing",
    }
    assert [case.patient_ref for case in Case.objects.all()] == ["PAT-1"]
    assert len(list((folder / "done").iterdir())) == 2
    assert len(list((folder / "refused").iterdir())) == 8
    assert list((folder / "working").iterdir()) == []


def test_no_name_that_a_file_came_with_becomes_a_file_name(folder: Path, technician: User) -> None:
    (folder / "MEIER_ANNA_PAT-1.dcm").write_bytes(dicom(1))

    take(folder, technician)

    names = [path.name for path in folder.rglob("*")]
    assert not any("MEIER" in name or "PAT" in name for name in names)


def test_fields_beside_a_file_name_the_patient_of_a_png(folder: Path, technician: User) -> None:
    (folder / "a.png.json").write_text(json.dumps({"patient_ref": "P-8", "priority": "stat"}))
    (folder / "a.png").write_bytes(radiograph_png(1))
    (folder / "b.png.json").write_text('{"colour": "red"}')
    (folder / "b.png").write_bytes(radiograph_png(2))

    take(folder, technician)

    found = results(folder)
    assert (found["a.png"]["code"], found["b.png"]["code"]) == ("accepted", "fields_invalid")
    assert [(case.patient_ref, case.priority) for case in Case.objects.all()] == [("P-8", "stat")]
    assert not list(folder.glob("*.json"))


def test_a_zip_has_a_result_for_each_of_its_files(folder: Path, technician: User) -> None:
    with zipfile.ZipFile(folder / "batch.zip", "w") as archive:
        archive.writestr("study/1.dcm", dicom(1))
        archive.writestr("study/2.dcm", b"not a radiograph")
        archive.writestr("../../outside.dcm", dicom(3))
        archive.writestr("__MACOSX/._1.dcm", b"x")
        archive.writestr("4.png", radiograph_png(4))
        archive.writestr("4.png.json", '{"patient_ref": "P-4"}')

    take(folder, technician)

    files = {part["file"]: part["code"] for part in results(folder)["batch.zip"]["files"]}
    assert files == {
        "study/1.dcm": "accepted",
        "study/2.dcm": "unknown_format",
        "../../outside.dcm": "accepted",
        "4.png": "accepted",
    }
    assert not (folder.parent.parent / "outside.dcm").exists()
    assert len(list((folder / "refused").glob("*.json"))) == 1


def test_a_damaged_zip_is_refused(folder: Path, technician: User) -> None:
    with zipfile.ZipFile(folder / "batch.zip", "w") as archive:
        archive.writestr("1.dcm", dicom(1))
    whole = (folder / "batch.zip").read_bytes()
    (folder / "batch.zip").write_bytes(whole[: len(whole) // 2])

    take(folder, technician)

    assert results(folder)["batch.zip"]["code"] == "damaged"


def test_a_file_that_still_grows_is_left_alone(folder: Path, technician: User) -> None:
    growing, content = folder / "a.dcm", dicom(1)
    growing.write_bytes(content[:1000])
    before = watched_files.sizes(folder)
    growing.write_bytes(content)

    now_there = watched_folder.take_all(folder=folder, before=before, by=technician, clock=timezone.now)

    assert growing.exists()
    watched_folder.take_all(folder=folder, before=now_there, by=technician, clock=timezone.now)
    assert results(folder)["a.dcm"]["code"] == "accepted"


def test_hidden_unfinished_and_linked_files_are_left_alone(folder: Path, technician: User) -> None:
    secret = folder.parent / "secret.dcm"
    secret.write_bytes(dicom(1))
    (folder / "link.dcm").symlink_to(secret)
    (folder / ".hidden.dcm").write_bytes(dicom(2))
    (folder / "b.dcm.part").write_bytes(dicom(3))

    take(folder, technician)

    assert not Case.objects.exists()
    assert secret.exists()


def test_the_same_radiograph_twice_is_one_case(folder: Path, technician: User) -> None:
    (folder / "a.dcm").write_bytes(dicom(1))
    (folder / "b.dcm").write_bytes(dicom(1))

    take(folder, technician)

    assert sorted(result["code"] for result in results(folder).values()) == ["accepted", "already_present"]
    assert Case.objects.count() == 1


def test_a_file_is_kept_while_the_account_has_no_site(folder: Path, technician: User, now: datetime) -> None:
    sites = list(technician.sites.all())
    technician.sites.clear()
    (folder / "a.dcm").write_bytes(dicom(1))

    with pytest.raises(watched_folder.TryLater):
        take(folder, technician)

    assert results(folder) == {}
    technician.sites.set(sites)
    take(folder, technician)
    assert results(folder)["a.dcm"]["code"] == "accepted"


def test_what_a_kill_leaves_in_the_own_folders_is_removed(folder: Path, technician: User) -> None:
    for name in ("working/a.note.1.tmp", "done/b.json.2.tmp", "refused/c.json.3.tmp"):
        (folder / name).write_text("{")
    (folder / "working" / "d.note").write_text('{"file": "d.dcm", "fields": ""}')  # its file was not moved
    (folder / "d.dcm").write_bytes(dicom(1))

    take(folder, technician)

    assert list((folder / "working").iterdir()) == []
    assert not list(folder.rglob("*.tmp"))
    assert results(folder)["d.dcm"]["code"] == "accepted"


def test_a_second_watcher_is_refused(folder: Path) -> None:
    with pytest.raises(FolderInUse), watched_files.exclusive(folder):
        pass


def test_the_command_takes_what_lies_there(tmp_path: Path, settings: Settings, technician: User) -> None:
    settings.MEDIA_ROOT, settings.WATCHED_FOLDER = tmp_path / "media", str(tmp_path / "watched")
    settings.WATCHED_FOLDER_USER, settings.WATCHED_FOLDER_SECONDS = technician.username, 0.01
    (tmp_path / "watched").mkdir()
    (tmp_path / "watched" / "a.dcm").write_bytes(dicom(1))

    call_command("watch_folder", "--once")

    assert results(tmp_path / "watched")["a.dcm"]["code"] == "accepted"


def test_the_command_names_a_missing_account(tmp_path: Path, settings: Settings, site: object) -> None:
    settings.WATCHED_FOLDER, settings.WATCHED_FOLDER_USER = str(tmp_path), "nobody"

    settings.WATCHED_FOLDER_SECONDS = 0.01
    with pytest.raises(CommandError, match="READROOM_WATCHED_FOLDER_USER"):
        call_command("watch_folder", "--once")


def test_the_process_runs_where_a_folder_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def names() -> list[str]:
        return [each.name for each in all_processes(host="127.0.0.1", port=1)]

    monkeypatch.delenv("READROOM_WATCHED_FOLDER", raising=False)
    assert WATCHED_FOLDER not in names()
    monkeypatch.setenv("READROOM_WATCHED_FOLDER", "/srv/watched")
    assert WATCHED_FOLDER in names()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("finished", [1, 4])
def test_a_kill_in_the_middle_loses_and_doubles_nothing(
    finished: int, folder: Path, technician: User
) -> None:
    _kill_after(finished, folder, technician, files=8)


@pytest.mark.nightly
@pytest.mark.django_db(transaction=True)
def test_five_hundred_files_and_a_kill_lose_and_double_nothing(folder: Path, technician: User) -> None:
    _kill_after(100, folder, technician, files=500)


def _kill_after(finished: int, folder: Path, technician: User, *, files: int) -> None:
    """Kill a process with SIGKILL once it has written some results, continue, and compare with the files."""
    for number in range(files):
        (folder / f"{number}.dcm").write_bytes(dicom(number))
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            take(folder, technician)
        finally:
            os._exit(0)
    wait_until(
        lambda: len(list((folder / "done").glob("*.json"))) >= finished, seconds=300, what="the first results"
    )
    os.kill(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])

    take(folder, technician)

    assert sorted(results(folder)) == sorted(f"{number}.dcm" for number in range(files))
    references = sorted(Case.objects.values_list("patient_ref", flat=True))
    assert references == sorted(f"PAT-{number}" for number in range(files))
    assert list((folder / "working").iterdir()) == []
