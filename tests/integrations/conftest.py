"""DICOMweb clients of tokens, webhook endpoints, and a server that receives their events."""

from __future__ import annotations

import io
import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from requests.adapters import BaseAdapter

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.services.tokens import create_token
from diagnostics.cases.models import Case
from diagnostics.integrations.models import WebhookEndpoint
from diagnostics.integrations.models.webhooks import WebhookEvent
from diagnostics.integrations.services import webhooks
from tests.integrations.http_receiver import Receiver, http_receiver
from tests.radiographs import radiograph_dicom

HOST = "http://testserver"
ROOT = "/api/v1/dicomweb"
STUDY, SERIES, INSTANCE = (
    "1.2.826.0.1.3680043.8.498.1",
    "1.2.826.0.1.3680043.8.498.2",
    "1.2.826.0.1.3680043.8.498.3",
)
Connect = Callable[..., DICOMwebClient]


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path / "media"


def instance(seed: int = 1, **tags: Any) -> bytes:
    """Return a drawn radiograph of the patient P-1 with UIDs, dates and names."""
    stated = {
        "PatientID": "P-1",
        "PatientName": "Meier^Anna",
        "PatientBirthDate": "19610714",
        "PatientSex": "F",
        "AccessionNumber": "A-77",
        "StudyDate": "20260228",
        "StudyTime": "101500",
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
        "SOPInstanceUID": INSTANCE,
        "OperatorsName": "Operator^Olga",
        "StudyDescription": "Thorax, Meier",
        "WindowCenter": "2048",
        "WindowWidth": "4096",
    }
    return radiograph_dicom(seed, **(stated | tags))


def data_set(content: bytes) -> pydicom.FileDataset:
    """Return the data set of a DICOM file."""
    return pydicom.dcmread(io.BytesIO(content))


class InProcess(BaseAdapter):
    """Sends the requests of a client to Django."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.client = Client(headers={"Authorization": f"Token {token}"}, enforce_csrf_checks=True)

    def send(self, request: Any, *_more: Any, **_options: Any) -> requests.Response:
        """Return the answer of Django."""
        address = urlsplit(request.url)
        body = request.body or b""
        content = body if isinstance(body, bytes) else b"".join(body)
        answer = self.client.generic(
            request.method,
            f"{address.path}?{address.query}",
            content,
            content_type=request.headers.get("Content-Type", ""),
            headers={"Accept": request.headers.get("Accept", "*/*")},
        )
        response = requests.Response()
        response.status_code, response.raw = answer.status_code, io.BytesIO(b"".join(answer))
        response.headers.update(answer.headers)
        response.request, response.url = request, request.url
        return response

    def close(self) -> None:
        """Close nothing."""


@pytest.fixture
def connect() -> Connect:
    """Return a function that gives the DICOMweb client of a user's token, with these scopes or the usual."""

    def client_of(user: User, *scopes: str) -> DICOMwebClient:
        key = create_token(by=user, now=timezone.now(), scopes=scopes or None)
        session = requests.Session()
        session.mount(HOST, InProcess(key))
        return DICOMwebClient(f"{HOST}{ROOT}", session=session)

    return client_of


LOOPBACK = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]


@dataclass(frozen=True)
class OwnEndpoint:
    """An endpoint whose secret the test knows."""

    row: WebhookEndpoint
    secret: str


@pytest.fixture
def loopback_allowed(settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = LOOPBACK


@pytest.fixture
def receiver(loopback_allowed: None) -> Iterator[Receiver]:
    with http_receiver() as running:
        yield running


@pytest.fixture
def endpoint(receiver: Receiver, site: Site, administrator: User, now: datetime) -> OwnEndpoint:
    row, secret = webhooks.create_endpoint(
        site=site,
        name="Hospital bus",
        url=receiver.url,
        events=list(WebhookEvent.values),
        by=administrator,
        now=now,
    )
    return OwnEndpoint(row, secret)


def values_of(attributes: dict[str, Any]) -> pydicom.Dataset:
    """Return a data set of DICOM JSON."""
    return pydicom.Dataset.from_json(attributes, bulk_data_uri_handler=lambda *_reference: b"")


@pytest.fixture
def stored(technician: User, connect: Connect) -> Case:
    """Return the case of an instance that was stored by STOW-RS."""
    response = connect(technician).store_instances([data_set(instance())])
    assert not response.get("FailedSOPSequence")
    return Case.objects.get()
