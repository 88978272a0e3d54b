"""The sweeper removes old files that no row names, and nothing else."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases import storage
from diagnostics.cases.models import DamagedFile, Prediction, Radiograph
from diagnostics.cases.services import admission
from diagnostics.cases.services.sweep import share_of
from diagnostics.imports.models import Import
from diagnostics.registry import services as registry
from diagnostics.storage import selectors, services
from diagnostics.training.models import TrainingRun
from tests.cases.predictions import finish_prediction
from tests.radiographs import radiograph_png
from tests.registry.stub_bundle import stub_bundle
from tests.servers import wait_until
from tests.template_home import ROOT

TWO_DAYS = timedelta(days=2)
UPLOAD = """
import django; django.setup()
from django.core.management import CommandError, call_command
from django.utils import timezone
from diagnostics.accounts.models import User
from diagnostics.cases.models import DamagedFile, Prediction, Radiograph
from diagnostics.cases.services import admission
from tests.radiographs import radiograph_png
user = User.objects.get(username="technician")
admission.open_case(radiograph=radiograph_png(), patient_ref="P-1", by=user, now=timezone.now())
"""


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Path:
    settings.READROOM_HOME, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    settings.BUNDLES, settings.RUNS = tmp_path / "bundles", tmp_path / "runs"
    settings.INCOMING, settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming", tmp_path / "uploads"
    settings.DEFAULT_BUNDLE = stub_bundle(tmp_path.with_name("default-bundle") / str(uuid.uuid4()))
    return tmp_path


def files(home: Path) -> set[str]:
    return {file.relative_to(home).as_posix() for file in home.rglob("*") if file.is_file()}


def write(home: Path, *names: str) -> set[str]:
    for name in names:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(b"left by a killed process")
    return set(names)


def test_the_files_of_rows_stay_and_those_of_killed_processes_are_deleted(
    home: Path, site: Site, technician: User, administrator: User, now: datetime
) -> None:
    version = registry.adopt_default(now=now)
    assert version is not None
    case = admission.open_case(radiograph=radiograph_png(), patient_ref="P", by=technician, now=now).case
    finish_prediction(case, version)
    run = TrainingRun.objects.create(number=1, queued_at=now, parent=version)
    import_job = Import.objects.create(number=1, requested_by=administrator, site=site, queued_at=now)
    write(
        home, f"runs/{run.pk}/snapshot.jsonl", f"incoming/{import_job.pk}/a.png", "secret_key", "db.sqlite3"
    )
    kept = files(home)
    stem, other = case.radiograph.pk, uuid.uuid4()
    orphans = write(
        home,
        *(f"media/radiographs/{other.hex[:2]}/{other}.{kind}" for kind in ("bin", "png", "grey.png")),
        f"media/radiographs/{stem.hex[:2]}/{stem}.png.0123456789abcdef.tmp",
        f"media/predictions/{other.hex[:2]}/{other}-{other}.npz",
        f"media/predictions/{case.pk.hex[:2]}/{case.predictions.get().pk}-{other}.png",
        f"runs/{run.pk}/checkpoints/epoch-000001.tmp",
        f"runs/{other}/snapshot.jsonl",
        "bundles/.incoming-0123/model.weights.h5",
        "bundles/v7/manifest.json",
        f"incoming/{other}/collection.zip",
        "secret_key.4711.abcd",
        "broker/messages/1_2.inference.msg.draft",
        "uploads/tmp1234.upload.png",
    )

    assert services.sweep(now=timezone.now()).total == 0
    assert files(home) == kept | orphans  # all are recent: their rows may follow

    swept = services.sweep(now=timezone.now() + TWO_DAYS)

    assert files(home) == kept
    assert swept.total == len(orphans)
    event = AuditEvent.objects.get(action=Action.FILES_SWEPT)
    assert sum(event.detail.values()) == len(orphans)


def test_the_hourly_sweeps_of_a_day_cover_every_folder(home: Path, now: datetime, site: Site) -> None:
    write(home, *(f"media/radiographs/{prefix:02x}/{uuid.uuid4()}.png" for prefix in range(256)))
    later = timezone.now() + TWO_DAYS
    hours = [later + timedelta(hours=hour) for hour in range(24)]

    deleted = [services.sweep(now=hour, share=share_of(hour)).media for hour in hours]

    assert sum(deleted) == 256
    assert max(deleted) == 12


def test_a_link_to_an_old_file_is_as_recent_as_the_link(home: Path, technician: User, now: datetime) -> None:
    case = admission.open_case(radiograph=radiograph_png(), patient_ref="P", by=technician, now=now).case
    original, copy = storage.radiograph_files(case.radiograph.pk), storage.radiograph_files(uuid.uuid4())
    for name in (original.original, original.display, original.grey):
        os.utime(storage.path(name), (0, 0))

    storage.link_radiograph(original, to=copy)  # a control copy, before its row is committed

    assert services.sweep(now=timezone.now()).total == 0
    assert storage.path(copy.grey).is_file()


def test_every_file_of_a_home_is_listed_with_its_checksum(
    home: Path, technician: User, now: datetime
) -> None:
    version = registry.adopt_default(now=now)
    assert version is not None
    case = admission.open_case(radiograph=radiograph_png(), patient_ref="P", by=technician, now=now).case
    finish_prediction(case, version)

    listed = {file.name_in_home: file for file in selectors.stored_files()}

    assert set(listed) == {name for name in files(home) if name.startswith(("media/", "bundles/"))}
    for name, file in listed.items():
        digest = subprocess.run(["sha256sum", home / name], capture_output=True, text=True, check=True).stdout
        assert file.sha256 in ("", digest.split()[0])
        assert bool(file.sha256) == (Path(name).name not in ("manifest.json", "card.md"))
    assert not selectors.verify().problems


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_verification_finds_a_missing_and_a_damaged_file(
    damage: str, home: Path, technician: User, now: datetime
) -> None:
    case = admission.open_case(radiograph=radiograph_png(), patient_ref="P", by=technician, now=now).case
    grey = storage.path(storage.radiograph_files(case.radiograph.pk).grey)
    intact = grey.read_bytes()
    if damage == "missing":
        grey.unlink()
    else:
        content = bytearray(intact)
        content[len(content) // 2] ^= 1
        grey.write_bytes(content)

    printed = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("verify_storage", stdout=printed)

    assert error.value.returncode == 1
    assert f"{damage}: grey of {case.radiograph.pk}, media/radiographs/" in printed.getvalue()
    record = DamagedFile.objects.get()
    assert (record.case, record.kind, record.problem, record.restored_at) == (case, "grey", damage, None)
    grey.write_bytes(intact)  # from a backup
    call_command("verify_storage", stdout=printed)
    assert "none missing, none damaged" in printed.getvalue()
    record.refresh_from_db()
    assert record.restored_at is not None


def test_checksums_of_an_earlier_release_are_recorded_for_readable_files(
    home: Path, technician: User, now: datetime
) -> None:
    version = registry.adopt_default(now=now)
    assert version is not None
    case = admission.open_case(radiograph=radiograph_png(), patient_ref="P", by=technician, now=now).case
    finish_prediction(case, version)
    before = {file.name_in_home: file.sha256 for file in selectors.stored_files()}
    Radiograph.objects.update(display_sha256="", grey_sha256="")
    Prediction.objects.update(heatmap_sha256="", overlay_sha256="")
    torn = storage.path(case.predictions.get().overlay_file)
    torn.write_bytes(torn.read_bytes()[:20])
    printed = StringIO()

    call_command("verify_storage", record_missing=True, stdout=printed)

    assert "Checksums recorded: 3" in printed.getvalue()
    after = {file.name_in_home: file.sha256 for file in selectors.stored_files()}
    assert after == before | {f"media/{case.predictions.get().overlay_file}": ""}


@pytest.mark.slow
def test_a_process_killed_between_its_files_and_its_row_leaves_nothing_after_the_sweep(
    prepared_home: Path,
) -> None:
    environment = os.environ | {
        "READROOM_HOME": str(prepared_home),
        "DJANGO_SETTINGS_MODULE": "webapp.settings",
    }
    media = prepared_home / "media"
    lock = sqlite3.connect(prepared_home / "db.sqlite3", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")  # the upload writes its files, then waits for this lock
    upload = subprocess.Popen([sys.executable, "-c", UPLOAD], cwd=ROOT, env=environment)
    wait_until(lambda: list(media.rglob("*.grey.png")), seconds=60, what="the files of the upload")
    upload.send_signal(signal.SIGKILL)
    upload.wait()
    lock.execute("ROLLBACK")
    lock.close()
    assert len([file for file in media.rglob("*") if file.is_file()]) == 3

    sweep = [sys.executable, "manage.py", "sweep_storage", "--older-than-hours=0"]
    swept = subprocess.run(sweep, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)

    assert "media 3" in swept.stdout
    assert not [file for file in media.rglob("*") if file.is_file()]
