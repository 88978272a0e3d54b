"""A training run reads copies of the radiographs in S3, and leaves none on its host."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from diagnostics.accounts.models import User
from diagnostics.cases import storage
from diagnostics.cases.models import Radiograph
from diagnostics.cases.selectors import radiograph_path
from diagnostics.jobs.models import JobStatus
from diagnostics.registry import services as registry
from diagnostics.stores.options import S3Options
from tests.registry.stub_bundle import stub_bundle
from tests.servers import free_port
from tests.training.conftest import Sign, queue_run, sign_two_findings
from tests.training.fake_trainer import FakeTrainer
from tests.training.test_pipeline import train

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def copies(
    settings: Settings, bucket: S3Options, data_folders: Path, sign: Sign, now: datetime, tmp_path: Path
) -> Path:
    """Put the bundle and the signed radiographs of a training into a bucket; return the folder of copies."""
    settings.S3, settings.COPIES = bucket, tmp_path / "copies"
    settings.DEFAULT_BUNDLE = stub_bundle(tmp_path / "default" / str(uuid.uuid4()))
    registry.adopt_default(now=now)
    sign_two_findings(sign)
    for radiograph in Radiograph.objects.all():
        content = radiograph_path(radiograph).read_bytes()
        radiograph.grey_sha256 = storage.store_file(storage.radiograph_files(radiograph.pk).grey, content)
        radiograph.save()
    storage.discard_copies()
    return tmp_path / "copies"


def test_a_run_trains_on_copies_that_are_deleted_after_it(
    copies: Path, administrator: User, now: datetime
) -> None:
    seen: list[int] = []
    trainer = FakeTrainer(after_epoch={1: lambda: seen.append(len(list(copies.rglob("*.png"))))})

    run = train(queue_run(administrator, now).pk, trainer)

    assert (run.status, run.failure_text) == (JobStatus.DONE, "")
    assert seen == [16]
    assert not copies.exists()


def test_an_altered_radiograph_in_s3_is_left_out(copies: Path, administrator: User, now: datetime) -> None:
    radiograph = Radiograph.objects.order_by("pk")[0]
    storage.store_file(storage.radiograph_files(radiograph.pk).grey, b"another radiograph")

    run = train(queue_run(administrator, now).pk)

    assert run.status == JobStatus.DONE
    assert run.counts["excluded"]["radiograph_missing"]["cases"] == 1


def test_a_run_waits_while_the_endpoint_is_away(
    copies: Path, administrator: User, now: datetime, settings: Settings, bucket: S3Options
) -> None:
    run = queue_run(administrator, now)
    settings.S3 = replace(bucket, endpoint=f"http://127.0.0.1:{free_port()}")

    run = train(run.pk)

    assert (run.status, run.failure_code) == (JobStatus.QUEUED, "storage_full")
    assert not copies.exists()
