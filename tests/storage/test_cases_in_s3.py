"""Cases whose files are in S3: upload, images, verification, sweep, erasure, and an endpoint that is away."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from diagnostics.accounts import services as accounts
from diagnostics.accounts.models import Site, User
from diagnostics.cases import pipeline, storage
from diagnostics.cases.models import Case, DamagedFile, Prediction
from diagnostics.cases.services import admission
from diagnostics.cases.storage import ADOPTION_AGE, SAFE_AGE
from diagnostics.jobs.models import MAX_ATTEMPTS, JobStatus
from diagnostics.privacy.services import erasure
from diagnostics.storage import services
from diagnostics.stores.options import S3Options
from tests.cases.conftest import active_version, registered
from tests.cases.predictions import finish_prediction
from tests.radiographs import radiograph_png
from tests.s3_server import client_of, keys_in
from tests.servers import free_port

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def installation(settings: Settings, tmp_path: Path, bucket: S3Options) -> S3Options:
    settings.READROOM_HOME, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    settings.BUNDLES, settings.RUNS = tmp_path / "bundles", tmp_path / "runs"
    settings.INCOMING, settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming", tmp_path / "uploads"
    settings.S3 = bucket
    return bucket


@pytest.fixture
def case(technician: User, now: datetime) -> Case:
    return admission.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now).case


@pytest.fixture
def away(bucket: S3Options) -> S3Options:
    """Return options whose endpoint does not answer."""
    return replace(bucket, endpoint=f"http://127.0.0.1:{free_port()}")


def test_an_uploaded_radiograph_is_in_the_bucket_and_nowhere_on_the_disk(
    case: Case, bucket: S3Options, tmp_path: Path, client: Client, technician: User
) -> None:
    names = storage.radiograph_files(case.radiograph.pk)
    expected = {f"media/{name}" for name in (names.original, names.display, names.grey)}
    assert keys_in(bucket) == expected
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]

    client.force_login(technician)
    shown = client.get(reverse("cases:radiograph", args=[case.pk]))
    stored = client_of(bucket).get_object(Bucket=bucket.bucket, Key=f"media/{names.display}")["Body"].read()
    assert (shown.status_code, shown.content) == (200, stored)
    assert client.get(reverse("cases:thumbnail", args=[case.pk])).status_code == 200
    assert keys_in(bucket) == expected | {f"media/{names.thumbnail}"}


def test_a_stranger_gets_no_image(case: Case, client: Client, stranger: User) -> None:
    client.force_login(stranger)

    assert client.get(reverse("cases:radiograph", args=[case.pk])).status_code == 404


def test_an_altered_object_is_not_shown_but_recorded(
    case: Case, bucket: S3Options, client: Client, technician: User
) -> None:
    key = f"media/{case.radiograph.display}"
    client_of(bucket).put_object(Bucket=bucket.bucket, Key=key, Body=b"another image")
    client.force_login(technician)

    assert client.get(reverse("cases:radiograph", args=[case.pk])).status_code == 503

    assert DamagedFile.objects.get().name == case.radiograph.display
    with pytest.raises(CommandError, match="1 files are missing or damaged"):
        call_command("verify_storage")
    admission.open_case(
        radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=timezone.now()
    )  # the same radiograph again
    assert client.get(reverse("cases:radiograph", args=[case.pk])).status_code == 200


def test_the_sweeper_deletes_old_objects_without_a_row_and_no_other(
    case: Case, bucket: S3Options, now: datetime
) -> None:
    finish_prediction(case, active_version(registered(1, now), now))
    kept = keys_in(bucket)
    orphans = ("radiographs/61/6133e240-fca2-41c9-9d30-07a35683593d.png", "predictions/0a/no-uuid.npz")
    for name in orphans:
        storage.store().write(name, b"of a killed process")

    assert services.sweep(now=timezone.now() + SAFE_AGE - timedelta(minutes=5)).media == 0
    assert services.sweep(now=timezone.now() + SAFE_AGE + timedelta(minutes=5)).media == 2

    assert keys_in(bucket) == kept


def test_objects_that_are_missing_or_too_old_are_not_adopted(case: Case) -> None:
    names = storage.radiograph_files(case.radiograph.pk)
    written = (names.original, names.display, names.grey)

    storage.require_recent(*written, now=timezone.now() + ADOPTION_AGE - timedelta(minutes=5))
    with pytest.raises(TimeoutError):
        storage.require_recent(*written, now=timezone.now() + ADOPTION_AGE + timedelta(minutes=5))
    storage.store().remove(names.grey)
    with pytest.raises(FileNotFoundError):
        storage.require_recent(*written, now=timezone.now())


def test_an_erasure_deletes_the_objects(
    case: Case, bucket: S3Options, site: Site, administrator: User, now: datetime
) -> None:
    finish_prediction(case, active_version(registered(1, now), now))

    erasure.erase_patient(site=site, patient_ref="P-1", reason="asked", by=administrator, now=now)

    assert keys_in(bucket) == set()


def test_an_upload_while_the_endpoint_is_away_is_refused_and_can_be_repeated(
    settings: Settings, away: S3Options, bucket: S3Options, technician: User, client: Client
) -> None:
    settings.S3 = away
    headers = {"Authorization": f"Token {accounts.create_token(by=technician, now=timezone.now())}"}

    refused = client.post("/api/v1/cases/", _upload(), headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
    assert refused.headers["Retry-After"] == "60"
    assert not Case.objects.exists()
    settings.S3 = bucket
    assert client.post("/api/v1/cases/", _upload(), headers=headers).status_code == 201


def test_an_accepted_radiograph_waits_while_the_endpoint_is_away(
    case: Case, settings: Settings, away: S3Options
) -> None:
    settings.S3 = away
    prediction = case.predictions.get()
    for _attempt in range(MAX_ATTEMPTS + 1):
        pipeline.classify(prediction.pk, clock=timezone.now)

    prediction.refresh_from_db()
    assert (prediction.status, prediction.failure_code) == (JobStatus.QUEUED, "storage_full")
    assert prediction.attempts == 1
    assert not DamagedFile.objects.exists()


def test_pages_stay_up_while_the_endpoint_is_away(
    case: Case, settings: Settings, away: S3Options, client: Client, technician: User
) -> None:
    settings.S3 = away
    client.force_login(technician)

    for page in ("/", reverse("cases:upload"), reverse("cases:case", args=[case.pk])):
        assert client.get(page, follow=True).status_code == 200
    image = client.get(reverse("cases:radiograph", args=[case.pk]))
    assert (image.status_code, image.headers["Retry-After"]) == (503, "60")
    assert not DamagedFile.objects.exists()
    assert Prediction.objects.get().status == JobStatus.QUEUED


def test_the_sweeper_deletes_nothing_while_the_endpoint_is_away(
    case: Case, settings: Settings, away: S3Options, bucket: S3Options
) -> None:
    settings.S3 = away
    later = timezone.now() + timedelta(days=2)
    with pytest.raises(Exception, match="does not answer"):
        services.sweep(now=later)

    assert len(keys_in(bucket)) == 3


def _upload() -> dict[str, object]:
    return {
        "patient_ref": "P-1",
        "radiograph": SimpleUploadedFile("radiograph.png", radiograph_png(2), "image/png"),
    }
