"""Delivery of webhooks to a real HTTP server: signature, retries, giving up, pauses, redelivery."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from diagnostics.accounts.models import User
from diagnostics.integrations.models import WebhookDelivery, WebhookEndpoint
from diagnostics.integrations.pipeline import webhooks as pipeline
from diagnostics.integrations.policy import webhook_schedule
from diagnostics.integrations.selectors.webhooks import due_deliveries
from diagnostics.integrations.services import webhook_requeue, webhooks
from diagnostics.jobs.models import JobStatus
from tests.integrations.conftest import OwnEndpoint
from tests.integrations.http_receiver import Receiver


class Watch:
    """The time of a test, which moves only when the test says so."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def delivery(endpoint: OwnEndpoint, administrator: User, now: datetime) -> WebhookDelivery:
    return webhooks.send_test(endpoint=endpoint.row, by=administrator, now=now)


def test_a_delivery_passes_the_verifier_of_the_standard(
    delivery: WebhookDelivery, endpoint: OwnEndpoint, receiver: Receiver
) -> None:
    pipeline.deliver(delivery.pk)  # at the time of now: the verifier refuses old timestamps

    sent = receiver.received[0]
    assert Webhook(endpoint.secret).verify(sent.body, sent.headers)["type"] == "test"
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(sent.body + b" ", sent.headers)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.tries) == (JobStatus.DONE, 1)
    assert [entry.response_code for entry in delivery.log.all()] == [204]


def test_a_body_holds_type_time_and_id_alone(
    delivery: WebhookDelivery, receiver: Receiver, now: datetime
) -> None:
    pipeline.deliver(delivery.pk)

    assert json.loads(receiver.received[0].body) == {
        "type": "test",
        "timestamp": now.isoformat(),
        "data": {"kind": "webhookendpoint", "id": str(delivery.endpoint_id)},
    }


def test_the_secret_is_stored_encrypted(endpoint: OwnEndpoint) -> None:
    stored = WebhookEndpoint.objects.get().secret

    assert endpoint.secret.startswith("whsec_")
    assert endpoint.secret.removeprefix("whsec_") not in stored


def test_a_failed_delivery_is_tried_again_after_growing_pauses_and_then_given_up(
    delivery: WebhookDelivery, receiver: Receiver, now: datetime
) -> None:
    receiver.status = 500
    watch = Watch(now)
    times: list[datetime] = []

    while not times or due_after(delivery) is not None:
        times.append(watch.now)
        pipeline.deliver(delivery.pk, clock=watch)
        watch.now = due_after(delivery) or watch.now

    delivery.refresh_from_db()
    assert (delivery.status, delivery.failure_code) == (JobStatus.FAILED, "status_refused")
    pauses = [later - earlier for earlier, later in pairwise(times)]
    documented = [10, 60, 300, 1800, 7200, 21600, 43200, 86400]  # docs/webhooks.md
    assert len(receiver.received) == 9
    for pause, seconds in zip(pauses, documented, strict=True):
        assert timedelta(seconds=seconds) <= pause <= timedelta(seconds=seconds * 1.2)
    assert len({sent.headers["webhook-id"] for sent in receiver.received}) == 1


def test_the_pause_has_jitter() -> None:
    assert webhook_schedule.pause_after(1, random=lambda: 0.0) == timedelta(seconds=10)
    assert webhook_schedule.pause_after(1, random=lambda: 1.0) == timedelta(seconds=12)


def test_a_second_message_of_a_delivery_sends_nothing(delivery: WebhookDelivery, receiver: Receiver) -> None:
    pipeline.deliver(delivery.pk)
    pipeline.deliver(delivery.pk)

    assert len(receiver.received) == 1


def test_a_redirect_is_a_failure(delivery: WebhookDelivery, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 302, {"Location": receiver.url}

    pipeline.deliver(delivery.pk)

    delivery.refresh_from_db()
    assert (len(receiver.received), delivery.status) == (1, JobStatus.QUEUED)


def test_an_endpoint_that_failed_rests_and_others_do_not_wait_for_it(
    delivery: WebhookDelivery, endpoint: OwnEndpoint, administrator: User, receiver: Receiver, now: datetime
) -> None:
    receiver.status = 500
    second = WebhookDelivery.objects.create(
        endpoint=endpoint.row, event="case.failed", event_id=endpoint.row.pk, occurred_at=now, queued_at=now
    )

    pipeline.deliver(delivery.pk, clock=Watch(now))
    pipeline.deliver(second.pk, clock=Watch(now + timedelta(seconds=1)))

    assert len(receiver.received) == 1
    second.refresh_from_db()
    assert (second.status, second.tries) == (JobStatus.QUEUED, 0)
    pipeline.deliver(second.pk, clock=Watch(now + timedelta(seconds=11)))
    assert len(receiver.received) == 2


def test_a_slow_endpoint_uses_at_most_a_tenth_of_the_worker() -> None:
    assert webhook_schedule.rest_of_endpoint(0.1) is None
    assert webhook_schedule.rest_of_endpoint(4.0) == timedelta(seconds=36)


def test_a_network_that_is_no_longer_allowed_is_refused_at_the_delivery(
    delivery: WebhookDelivery, receiver: Receiver, settings: Settings
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []

    pipeline.deliver(delivery.pk)

    assert receiver.received == []
    assert [entry.problem for entry in delivery.log.all()] == ["address_refused"]


def test_a_delivery_of_a_killed_worker_is_queued_again(
    delivery: WebhookDelivery, now: datetime, django_capture_on_commit_callbacks: Any
) -> None:
    WebhookDelivery.claim(delivery.pk, worker="gone", lease=timedelta(seconds=15), now=now)

    with django_capture_on_commit_callbacks():
        webhook_requeue.requeue_due(now=now + timedelta(seconds=16))

    delivery.refresh_from_db()
    assert delivery.status == JobStatus.QUEUED


def test_redelivery_sends_the_same_id_again(
    delivery: WebhookDelivery, administrator: User, receiver: Receiver, now: datetime
) -> None:
    pipeline.deliver(delivery.pk)

    assert webhooks.redeliver(delivery=delivery, by=administrator, now=timezone.now())
    pipeline.deliver(delivery.pk)

    ids = [sent.headers["webhook-id"] for sent in receiver.received]
    assert (len(ids), len(set(ids))) == (2, 1)


def test_old_deliveries_leave_the_log(delivery: WebhookDelivery, now: datetime) -> None:
    pipeline.deliver(delivery.pk, clock=Watch(now))

    assert webhook_requeue.prune(now=now + timedelta(days=29)) == 0
    assert webhook_requeue.prune(now=now + timedelta(days=31)) == 1
    assert not WebhookDelivery.objects.exists()


def due_after(delivery: WebhookDelivery) -> datetime | None:
    """Return when the next message of a delivery is sent; None when it has ended."""
    delivery.refresh_from_db()
    if delivery.status != JobStatus.QUEUED:
        return None
    assert delivery.lease_until is not None
    assert not due_deliveries(now=delivery.lease_until - timedelta(seconds=1)).exists()
    assert due_deliveries(now=delivery.lease_until).exists()
    return delivery.lease_until
