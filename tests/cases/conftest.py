"""Model versions, uploads, API clients and broker messages for the tests of cases."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from diagnostics.accounts import services as accounts
from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.cases.services import admission
from diagnostics.jobs.lease import Clock
from diagnostics.registry.models import ModelVersion, Promotion
from ml.networks import bundle
from tests.radiographs import radiograph_png

SendRadiograph = Callable[..., Case]
Login = Callable[[User], Client]


@pytest.fixture
def version(db: None, now: datetime) -> ModelVersion:
    """Return an active version without files."""
    return active_version(registered(1, now), now)


@pytest.fixture
def next_version(version: ModelVersion, now: datetime) -> ModelVersion:
    """Return a second version without files, active instead of the first."""
    return active_version(registered(2, now), now)


def registered(number: int, now: datetime) -> ModelVersion:
    """Register a version."""
    name = f"v{number}"
    return ModelVersion.objects.create(
        number=number, bundle=name, weights_sha256="0" * 64, manifest={"version": name}, registered_at=now
    )


def active_version(version: ModelVersion, now: datetime) -> ModelVersion:
    """Promote a version."""
    Promotion.objects.filter(active=True).update(active=False, until=now)
    Promotion.objects.create(version=version, reason="for a test", since=now)
    return version


@pytest.fixture
def send_radiograph(technician: User, now: datetime) -> SendRadiograph:
    """Return a function that uploads a drawn radiograph; each seed is a different one."""

    def send(seed: int = 0, *, by: User = technician, at: datetime = now, **fields: Any) -> Case:
        fields = {"patient_ref": f"P-{seed}"} | fields
        return admission.open_case(radiograph=radiograph_png(seed), by=by, now=at, **fields).case

    return send


@pytest.fixture
def api_client(now: datetime) -> Login:
    """Return a function that gives an API client of a user, authenticated by token."""

    def log_in(user: User) -> Client:
        key = accounts.create_token(by=user, now=timezone.now())
        return Client(headers={"Authorization": f"Token {key}"}, enforce_csrf_checks=True)

    return log_in


@pytest.fixture
def messages() -> Iterator[Path]:
    """Return the folder of the embedded broker, empty."""
    folder = Path(django_settings.CELERY["broker_transport_options"]["data_folder_out"])
    take_messages(folder)
    yield folder
    take_messages(folder)


def take_messages(folder: Path) -> list[str]:
    """Remove all messages from the broker and return the ids that they name."""
    ids = []
    for message in sorted(folder.glob("*.msg")):
        body = json.loads(message.read_text())["body"]
        ids.append(json.loads(b64decode(body))[0][0])
        message.unlink()
    return sorted(ids)


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the bundles of two small networks."""
    from tests.small_bundle import make_bundle  # imports TensorFlow

    folder = tmp_path_factory.mktemp("bundles")
    for number in (1, 2):
        make_bundle(folder / f"v{number}", seed=number, version=f"v{number}")
    return folder


@pytest.fixture
def storage_folders(settings: Settings, bundles: Path, tmp_path: Path) -> None:
    """Use the bundles of two small networks and an empty MEDIA_ROOT."""
    settings.BUNDLES = bundles
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def first(version: ModelVersion, bundles: Path) -> ModelVersion:
    """Return the first version with its bundle, active unless `second` is used."""
    return with_files(version, bundles)


@pytest.fixture
def second(next_version: ModelVersion, bundles: Path) -> ModelVersion:
    """Return the second version with its bundle, active."""
    return with_files(next_version, bundles)


def with_files(version: ModelVersion, bundles: Path) -> ModelVersion:
    """Store the checksum of the version's bundle."""
    version.weights_sha256 = bundle.read_manifest(bundles / version.bundle).weights_sha256
    version.save()
    return version


@pytest.fixture
def clock(now: datetime) -> Clock:
    """Return a clock that advances by one second at each call, from two seconds after `now`."""
    seconds = count(2)
    return lambda: now + timedelta(seconds=next(seconds))
