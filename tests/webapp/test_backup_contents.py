"""Which files a backup contains, and which archives fit an installation."""

from __future__ import annotations

import sqlite3
import tarfile
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from diagnostics.cases import storage
from diagnostics.cases.models import Radiograph
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.training.models import TrainingRun
from diagnostics.training.selectors import runs
from tests.privacy.patients import Patient, Ward
from webapp.backup import database
from webapp.backup.create import create_backup
from webapp.backup.errors import BackupFailed, RestoreRefused
from webapp.backup.manifest import Manifest
from webapp.backup.restore import check_fits

RUN_FILES = ("snapshot.jsonl", "roc.svg", "checkpoints/1.npz")


@pytest.fixture
def home(tmp_path: Path, settings: Settings) -> Path:
    settings.READROOM_HOME = home = tmp_path / "home"
    settings.MEDIA_ROOT, settings.BUNDLES, settings.RUNS = home / "media", home / "bundles", home / "runs"
    settings.STAGED = home / "staged"
    home.mkdir()
    return home


@pytest.fixture
def patient(transactional_db: None, home: Path, request: pytest.FixtureRequest, now: datetime) -> Patient:
    # The staff are asked for by name: as arguments they would be created before `transactional_db`.
    site, reader, administrator = map(request.getfixturevalue, ("site", "radiologist", "administrator"))
    return Ward(site, reader, administrator, now).admit("MRN-1")


def write(path: Path, content: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def make_run(number: int, status: str, now: datetime) -> TrainingRun:
    run = TrainingRun.objects.create(number=number, status=status, queued_at=now)
    for name in RUN_FILES:
        write(runs.folder(run) / name)
    return run


def names_in(archive: Path) -> set[str]:
    with tarfile.open(archive) as tar:
        return {name.removeprefix("home/") for name in tar.getnames()}


def test_a_backup_contains_what_rows_name_and_nothing_that_no_row_names(
    home: Path, patient: Patient, tmp_path: Path, now: datetime
) -> None:
    write(home / "media/radiographs/ab/orphan.png")
    write(home / "bundles/v1/manifest.json", "{}")
    write(home / "bundles/v9/manifest.json", "{}")
    for name in (
        "static/a.css",
        "broker/messages/1",
        "imports/set/a.png",
        "web.log",
        "a.tmp",
        "run_all.lock",
        "disk_reserve",
        "uploads/part.upload",
        "staged/ab/1.bin",
        "metrics/counter.db",
    ):
        write(home / name)
    write(home / "incoming/1/collection.zip")
    ModelVersion.objects.get(bundle="v1")

    create_backup(tmp_path / "one.backup", now=now)

    media = {f"media/{name}" for name in patient.files if not name.endswith((".depth.gz", ".jpg"))}
    assert names_in(tmp_path / "one.backup") == {
        "database.sqlite3",
        "secret_key",
        "manifest.json",
        "bundles/v1/manifest.json",
        "incoming/1/collection.zip",
        *media,
    }


@pytest.mark.parametrize("with_checkpoints", [False, True])
def test_the_files_of_a_finished_run_are_kept_and_of_an_open_run_its_snapshot(
    home: Path, transactional_db: None, tmp_path: Path, now: datetime, with_checkpoints: bool
) -> None:
    done, running = make_run(1, JobStatus.FAILED, now), make_run(2, JobStatus.RUNNING, now)

    create_backup(tmp_path / "one.backup", with_checkpoints=with_checkpoints, now=now)

    kept = RUN_FILES if with_checkpoints else RUN_FILES[:2]
    expected = {f"runs/{done.pk}/{name}" for name in kept} | {f"runs/{running.pk}/snapshot.jsonl"}
    assert {name for name in names_in(tmp_path / "one.backup") if name.startswith("runs/")} == expected


def test_the_copy_of_the_database_has_the_rows_that_the_manifest_counts(
    home: Path, patient: Patient, tmp_path: Path, now: datetime
) -> None:
    written = create_backup(tmp_path / "one.backup", now=now)

    with tarfile.open(tmp_path / "one.backup") as tar:
        stored = tar.extractfile("database.sqlite3")
        assert stored is not None
        (tmp_path / "database.sqlite3").write_bytes(stored.read())
    with closing(sqlite3.connect(tmp_path / "database.sqlite3")) as copy:
        counts = {
            table: copy.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0] for table in written.rows
        }
    assert counts == written.rows
    assert counts["cases_case"] == 2
    assert written.missing == ()


def test_a_radiograph_that_names_no_file_does_not_stop_a_backup(
    home: Path, patient: Patient, tmp_path: Path, now: datetime
) -> None:
    Radiograph.objects.filter(original=patient.files[0]).update(original="", display="")

    written = create_backup(tmp_path / "one.backup", now=now)

    assert written.missing == ()
    assert f"media/{patient.files[0]}" not in names_in(tmp_path / "one.backup")


def test_a_named_file_that_is_not_on_the_disk_is_listed_as_missing(
    home: Path, patient: Patient, tmp_path: Path, now: datetime
) -> None:
    storage.path(patient.files[0]).unlink()

    written = create_backup(tmp_path / "one.backup", now=now)

    assert written.missing == (f"media/{patient.files[0]}",)


def test_a_failed_backup_leaves_nothing(
    home: Path, transactional_db: None, tmp_path: Path, now: datetime
) -> None:
    with pytest.raises(BackupFailed, match="cannot be written"):
        create_backup(tmp_path / "no-folder" / "one.backup", now=now)
    (tmp_path / "one.backup").write_text("another")
    with pytest.raises(BackupFailed, match="exists already"):
        create_backup(tmp_path / "one.backup", now=now)

    assert [path.name for path in tmp_path.iterdir() if path != home] == ["one.backup"]
    assert not list(home.iterdir())


@pytest.fixture
def stored(db: None) -> Manifest:
    return Manifest("", connection.vendor, database.applied_migrations(), {}, {})


def test_an_archive_of_this_version_fits(stored: Manifest) -> None:
    check_fits(stored, key="k")


def test_an_archive_of_a_later_version_is_refused_with_the_migration(stored: Manifest) -> None:
    later = replace(stored, migrations=(*stored.migrations, ("cases", "9999_later")))

    with pytest.raises(RestoreRefused, match="9999_later"):
        check_fits(later, key="k")


def test_an_archive_of_another_kind_of_database_is_refused(stored: Manifest) -> None:
    with pytest.raises(RestoreRefused, match="oracle"):
        check_fits(replace(stored, vendor="oracle"), key="k")


def test_an_archive_with_another_secret_key_is_refused_where_the_key_is_set(
    stored: Manifest, settings: Settings
) -> None:
    settings.SECRET_KEY_GIVEN = True

    check_fits(stored, key=settings.SECRET_KEY)
    with pytest.raises(RestoreRefused, match="SECRET_KEY"):
        check_fits(stored, key="another")
