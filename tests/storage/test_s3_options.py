"""The settings of the bucket: keys from files, and combinations that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django.fixtures import Settings

from diagnostics.stores.options import S3Options
from webapp.celery_config import celery_settings
from webapp.checks import TAG
from webapp.storage_settings import s3_options


def problems() -> list[str]:
    """Return the ids of the findings of the system checks that concern the bucket."""
    ids = [str(message.id) for message in run_checks(tags=[TAG])]
    return [each for each in ids if each in ("readroom.E006", "readroom.W003", "readroom.W004")]


def test_without_a_bucket_everything_is_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READROOM_S3_BUCKET", "")

    assert s3_options() is None


def test_the_keys_of_a_bucket_are_read_from_files_and_never_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("READROOM_S3_BUCKET", "readroom")
    for name in ("ACCESS_KEY", "SECRET_KEY"):
        (tmp_path / name).write_text(f"canary of {name}\n")
        monkeypatch.setenv(f"READROOM_S3_{name}_FILE", str(tmp_path / name))

    options = s3_options()

    assert options is not None
    assert (options.access_key, options.secret_key) == ("canary of ACCESS_KEY", "canary of SECRET_KEY")
    assert "canary" not in repr(options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (S3Options("a"), []),
        (S3Options("a", endpoint="https://s3.example.org", encryption="aws:kms", kms_key="k"), []),
        (S3Options("a", endpoint="http://127.0.0.1:9000", encryption="AES256"), []),
        (S3Options("a", endpoint="http://s3.example.org"), ["readroom.W003"]),
        (S3Options("a", encryption="rot13"), ["readroom.E006"]),
        (S3Options("a", encryption="AES256", kms_key="k"), ["readroom.E006"]),
        (S3Options("a", access_key="k"), ["readroom.E006"]),
        (S3Options("a", endpoint="s3.example.org"), ["readroom.E006"]),
    ],
)
def test_a_start_with_settings_that_expose_radiographs_or_cannot_work_is_stopped_or_warned(
    options: S3Options, expected: list[str], settings: Settings, tmp_path: Path
) -> None:
    settings.S3, settings.MEDIA_ROOT = options, tmp_path

    assert problems() == expected


def test_radiographs_that_were_left_on_the_disk_are_reported(settings: Settings, tmp_path: Path) -> None:
    settings.S3, settings.MEDIA_ROOT = S3Options("a"), tmp_path
    assert problems() == []

    (tmp_path / "radiographs" / "61").mkdir(parents=True)
    (tmp_path / "radiographs" / "61" / "6133e240.png").write_bytes(b"abc")

    assert problems() == ["readroom.W004"]
    settings.S3 = None
    assert problems() == []


@pytest.mark.parametrize(("shares_home", "queue"), [(True, "inference"), (False, "maintenance")])
def test_a_batch_of_an_import_goes_to_a_worker_that_sees_its_files(
    shares_home: bool, queue: str, tmp_path: Path
) -> None:
    routes = celery_settings("redis://127.0.0.1:1/0", tmp_path, shares_home=shares_home)["task_routes"]

    assert routes["imports.import_batch"] == {"queue": queue}
