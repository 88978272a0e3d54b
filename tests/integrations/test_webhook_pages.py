"""The pages and the API of webhooks, for those who may and for those who may not."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Role
from diagnostics.accounts.services import tokens
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.integrations.models import WebhookDelivery, WebhookEndpoint
from diagnostics.integrations.pipeline import webhooks as pipeline
from tests.conftest import create_user
from tests.integrations.conftest import OwnEndpoint
from tests.integrations.http_receiver import Receiver


@pytest.fixture
def page(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


def test_a_secret_is_shown_at_the_creation_and_never_again(
    page: Client, receiver: Receiver, administrator: User
) -> None:
    form = {
        "name": "Bus",
        "url": receiver.url,
        "site": administrator.sites.get().pk,
        "events": ["case.final"],
    }
    created = page.post("/integrations/webhooks/", form)
    endpoint = WebhookEndpoint.objects.get()

    assert "whsec_" in created.text
    assert "whsec_" not in page.get(f"/integrations/webhooks/{endpoint.pk}/").text
    assert AuditEvent.objects.filter(action=Action.WEBHOOK_CHANGED, target_id=str(endpoint.pk)).exists()


def test_a_private_url_is_refused_with_a_reason(page: Client, administrator: User) -> None:
    form = {"name": "Bus", "url": "https://169.254.169.254/latest/", "site": administrator.sites.get().pk}
    refused = page.post("/integrations/webhooks/", form | {"events": ["case.final"]})

    assert refused.status_code == 400
    assert "READROOM_WEBHOOK_ALLOWED_NETWORKS" in refused.text
    assert not WebhookEndpoint.objects.exists()


def test_the_log_shows_response_code_and_duration(
    page: Client, endpoint: OwnEndpoint, receiver: Receiver
) -> None:
    receiver.status = 503
    page.post(f"/integrations/webhooks/{endpoint.row.pk}/test/")
    pipeline.deliver(WebhookDelivery.objects.get().pk)

    shown = page.get(f"/integrations/webhooks/{endpoint.row.pk}/")

    assert "<b>503</b>" in shown.text
    assert "will be tried again" in shown.text


def test_an_administrator_of_another_site_finds_no_endpoint(
    client: Client, endpoint: OwnEndpoint, stranger: User
) -> None:
    elsewhere = create_user("elsewhere", Role.ADMINISTRATOR, stranger.sites.get())
    client.force_login(elsewhere)

    assert client.get(f"/integrations/webhooks/{endpoint.row.pk}/").status_code == 404
    assert "Hospital bus" not in client.get("/integrations/webhooks/").text


def test_the_api_creates_changes_tests_and_repeats(
    administrator: User, receiver: Receiver, now: datetime
) -> None:
    key = tokens.create_token(by=administrator, now=datetime.now(tz=now.tzinfo), scopes=["admin"])
    api = Client(headers={"Authorization": f"Token {key}"})
    base = "/api/v1/webhooks/"
    given = {"name": "Bus", "url": receiver.url, "events": ["case.final", "case.failed"]}

    created = api.post(base, given, content_type="application/json")
    one = f"{base}{created.json()['id']}/"
    changed = api.patch(one, {"events": ["case.final"]}, content_type="application/json")
    queued = api.post(f"{one}test/")
    pipeline.deliver(WebhookDelivery.objects.get().pk)
    repeated = api.post(f"/api/v1/webhook-deliveries/{queued.json()['id']}/redeliver/")

    assert created.status_code == 201
    assert created.json()["secret"].startswith("whsec_")
    assert changed.json()["events"] == ["case.final"]
    assert "secret" not in api.get(one).json()
    assert api.get(f"{one}deliveries/").json()["results"][0]["log"][0]["response_code"] == 204
    assert (repeated.status_code, repeated.json()["status"]) == (202, "queued")


def test_the_api_refuses_a_private_target_with_its_code(administrator: User, now: datetime) -> None:
    key = tokens.create_token(by=administrator, now=datetime.now(tz=now.tzinfo), scopes=["admin"])
    given = {"name": "Bus", "url": "https://[::ffff:10.0.0.1]/", "events": ["case.final"]}

    refused = Client(headers={"Authorization": f"Token {key}"}).post(
        "/api/v1/webhooks/", given, content_type="application/json"
    )

    assert (refused.status_code, refused.json()["code"]) == (400, "address_refused")
