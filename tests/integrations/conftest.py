"""Webhook endpoints, and a server that receives their events."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.integrations.models import WebhookEndpoint
from diagnostics.integrations.models.webhooks import WebhookEvent
from diagnostics.integrations.services import webhooks
from tests.integrations.http_receiver import Receiver, http_receiver

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
