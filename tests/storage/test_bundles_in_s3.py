"""Bundles in S3: a host without a copy fetches one, and takes no altered one."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from diagnostics.accounts.models import User
from diagnostics.cases.storage import SAFE_AGE
from diagnostics.errors import StorageUnavailable
from diagnostics.registry import selectors
from diagnostics.registry import services as registry
from diagnostics.registry.bundle_store import publication_of
from diagnostics.registry.models import ModelVersion
from diagnostics.storage import services
from diagnostics.stores import chosen
from diagnostics.stores.options import S3Options
from tests.registry.stub_bundle import stub_bundle
from tests.s3_server import client_of, keys_in, new_bucket
from tests.servers import free_port

pytestmark = pytest.mark.slow
FILES = ("card.md", "manifest.json", "model.weights.h5")


@pytest.fixture(autouse=True)
def first_host(settings: Settings, tmp_path: Path, bucket: S3Options) -> None:
    settings.READROOM_HOME, settings.BUNDLES = tmp_path / "first", tmp_path / "first" / "bundles"
    settings.RUNS, settings.INCOMING = tmp_path / "runs", tmp_path / "incoming"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "uploads"
    settings.DEFAULT_BUNDLE = stub_bundle(tmp_path.with_name("default-bundle") / str(uuid.uuid4()))
    settings.S3 = bucket


@pytest.fixture
def version(db: None, now: datetime) -> ModelVersion:
    version = registry.adopt_default(now=now)
    assert version is not None
    return version


@pytest.fixture
def second_host(version: ModelVersion, settings: Settings, tmp_path: Path) -> Path:
    settings.READROOM_HOME, settings.BUNDLES = tmp_path / "second", tmp_path / "second" / "bundles"
    settings.READROOM_HOME.mkdir()
    return tmp_path / "second" / "bundles"


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*.*")}


def test_another_host_fetches_the_same_bundle_once(
    version: ModelVersion, second_host: Path, tmp_path: Path, bucket: S3Options
) -> None:
    fetched = selectors.bundle_path(version)

    assert fetched == second_host / "v1"
    assert contents(fetched) == contents(tmp_path / "first" / "bundles" / "v1")
    for key in keys_in(bucket):
        client_of(bucket).delete_object(Bucket=bucket.bucket, Key=key)
    assert contents(selectors.bundle_path(version))  # the copy of this host
    assert [entry.name for entry in second_host.iterdir()] == ["v1"]


def test_an_altered_bundle_is_not_taken(version: ModelVersion, second_host: Path, bucket: S3Options) -> None:
    weights = next(key for key in keys_in(bucket) if key.endswith("weights.h5"))
    client_of(bucket).put_object(Bucket=bucket.bucket, Key=weights, Body=b"other weights")

    assert not selectors.bundle_path(version).exists()

    assert list(second_host.iterdir()) == []


def test_a_bundle_that_cannot_be_fetched_is_asked_for_again(
    version: ModelVersion,
    second_host: Path,
    settings: Settings,
    bucket: S3Options,
    client: Client,
    administrator: User,
) -> None:
    settings.S3 = replace(bucket, endpoint=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(StorageUnavailable):
        selectors.bundle_path(version)
    client.force_login(administrator)
    page = client.get(reverse("registry:version", args=[version.pk]))
    assert (page.status_code, page.headers["Retry-After"]) == (503, "60")
    assert "does not answer" in page.content.decode()

    settings.S3 = bucket
    assert contents(selectors.bundle_path(version))


def test_a_version_is_not_registered_while_its_bundle_cannot_be_published(
    db: None, settings: Settings, bucket: S3Options, now: datetime
) -> None:
    settings.S3 = replace(bucket, endpoint=f"http://127.0.0.1:{free_port()}")

    with pytest.raises(StorageUnavailable):
        registry.adopt_default(now=now)

    assert not ModelVersion.objects.exists()
    assert list(Path(settings.BUNDLES).iterdir()) == []


def test_bundles_of_an_installation_that_had_no_bucket_are_published_once(
    version: ModelVersion, settings: Settings, s3_endpoint: str, tmp_path: Path
) -> None:
    settings.S3 = other = new_bucket(s3_endpoint)

    registry.publish_missing()

    expected = {f"bundles/{publication_of('v1', version.weights_sha256)}/{name}" for name in FILES}
    assert keys_in(other) == expected
    written = {name: client_of(other).head_object(Bucket=other.bucket, Key=name)["ETag"] for name in expected}
    (tmp_path / "first" / "bundles" / "v1" / "manifest.json").write_text("{}")
    registry.publish_missing()
    for name, tag in written.items():
        assert client_of(other).head_object(Bucket=other.bucket, Key=name)["ETag"] == tag


def test_the_sweeper_deletes_published_bundles_without_a_version(
    version: ModelVersion, bucket: S3Options
) -> None:
    kept = keys_in(bucket)
    store = chosen.bundles()
    assert store is not None
    store.write("v2-0123456789abcdef/manifest.json", b"{}")

    assert services.sweep(now=timezone.now() + SAFE_AGE - timedelta(minutes=5)).bundles == 0
    assert services.sweep(now=timezone.now() + SAFE_AGE + timedelta(minutes=5)).bundles == 1

    assert keys_in(bucket) == kept


def test_the_health_page_names_a_bucket_that_does_not_answer(
    version: ModelVersion, client: Client, settings: Settings, bucket: S3Options
) -> None:
    assert client.get("/health/").json()["components"]["storage"] == "ok"

    settings.S3 = replace(bucket, endpoint=f"http://127.0.0.1:{free_port()}")

    assert client.get("/health/").json()["components"]["storage"] == "unreachable"
    assert client.get("/health/ready/").json()["components"].get("storage") is None  # pages stay up
    shutil.rmtree(settings.BUNDLES)
    assert client.get("/health/").json()["components"]["model"] == "unreachable"
