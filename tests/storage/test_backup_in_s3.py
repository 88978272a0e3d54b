"""Backups of an installation with a bucket, and their restoration into another bucket or onto a disk."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import uuid
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from diagnostics.cases.models import Case
from diagnostics.cases.services import admission
from diagnostics.cases.storage import store
from diagnostics.registry import services as registry
from diagnostics.stores.options import S3Options
from tests.cases.predictions import finish_prediction
from tests.radiographs import radiograph_png
from tests.registry.stub_bundle import stub_bundle
from tests.s3_server import client_of, environment_of_bucket, keys_in, new_bucket
from tests.servers import free_port
from tests.template_home import ROOT
from webapp.backup import bucket as restored_bucket
from webapp.backup.create import create_backup
from webapp.backup.errors import BackupFailed, RestoreRefused

pytestmark = pytest.mark.slow


@pytest.fixture
def archive(
    transactional_db: None,
    request: pytest.FixtureRequest,
    settings: Settings,
    bucket: S3Options,
    tmp_path: Path,
    now: datetime,
) -> Path:
    """Return a backup of an installation with a case and a version in a bucket."""
    settings.READROOM_HOME = home = tmp_path / "home"
    settings.MEDIA_ROOT, settings.BUNDLES, settings.RUNS = home / "media", home / "bundles", home / "runs"
    settings.DEFAULT_BUNDLE = stub_bundle(tmp_path / "default" / str(uuid.uuid4()))
    settings.S3 = bucket
    home.mkdir()
    technician = request.getfixturevalue("technician")  # after `transactional_db`
    version = registry.adopt_default(now=now)
    assert version is not None
    case = admission.open_case(radiograph=radiograph_png(), patient_ref="P", by=technician, now=now).case
    finish_prediction(case, version)
    written = create_backup(tmp_path / "one.backup", now=now)
    assert written.missing == ()
    return tmp_path / "one.backup"


def objects_in(options: S3Options) -> dict[str, str]:
    """Return the SHA-256 of each object."""
    client = client_of(options)
    return {
        key: hashlib.sha256(client.get_object(Bucket=options.bucket, Key=key)["Body"].read()).hexdigest()
        for key in keys_in(options)
    }


def restore(archive: Path, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Restore a backup into a new home, as another installation."""
    home.mkdir()
    command = [sys.executable, "manage.py", "restore", str(archive)]
    own = {"READROOM_HOME": str(home), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | own | environment, capture_output=True, text=True
    )


def test_a_backup_is_restored_into_another_bucket_object_by_object(
    archive: Path, bucket: S3Options, s3_endpoint: str, tmp_path: Path
) -> None:
    other = new_bucket(s3_endpoint)

    done = restore(archive, tmp_path / "second", **environment_of_bucket(other))

    assert done.returncode == 0, done.stderr
    assert objects_in(other) == objects_in(bucket)
    assert len([key for key in keys_in(other) if key.startswith("media/")]) == 5
    assert not (tmp_path / "second" / "media").exists()


@pytest.mark.nightly
def test_a_backup_of_a_bucket_is_restored_onto_a_disk(
    archive: Path, bucket: S3Options, tmp_path: Path
) -> None:
    done = restore(archive, tmp_path / "second")

    assert done.returncode == 0, done.stderr
    media = tmp_path / "second" / "media"
    restored = {
        f"media/{file.relative_to(media)}": hashlib.sha256(file.read_bytes()).hexdigest()
        for file in media.rglob("*.*")
    }
    expected = {key: sha256 for key, sha256 in objects_in(bucket).items() if key.startswith("media/")}
    assert restored == expected


def test_a_restoration_into_a_bucket_in_use_is_refused(archive: Path, bucket: S3Options) -> None:
    with pytest.raises(RestoreRefused, match="media/"):
        restored_bucket.refuse_unless_empty()


def test_a_missing_object_is_named_and_the_backup_completed(
    archive: Path, tmp_path: Path, now: datetime
) -> None:
    name = Case.objects.get().radiograph.display
    store().remove(name)

    assert create_backup(tmp_path / "two.backup", now=now).missing == (f"media/{name}",)


def test_a_backup_while_the_endpoint_is_away_is_refused_and_leaves_no_file(
    archive: Path, settings: Settings, bucket: S3Options, tmp_path: Path, now: datetime
) -> None:
    settings.S3 = replace(bucket, endpoint=f"http://127.0.0.1:{free_port()}")

    with pytest.raises(BackupFailed, match="does not answer"):
        create_backup(tmp_path / "two.backup", now=now)

    assert [file.name for file in tmp_path.iterdir() if "two" in file.name] == []
