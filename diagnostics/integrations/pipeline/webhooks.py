"""The worker's steps for one delivery: claim, send, store the try, and finish, try later or give up."""

from __future__ import annotations

import logging
import random
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from diagnostics.integrations import outbound, secret_box
from diagnostics.integrations.errors.webhooks import DeliveryFailed, webhook_problem
from diagnostics.integrations.models import WebhookDelivery, WebhookEndpoint, WebhookTry
from diagnostics.integrations.policy import webhook_message, webhook_schedule
from diagnostics.jobs.errors import LeaseLost
from diagnostics.jobs.lease import Clock, Lease

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """The result of one request."""

    status: int | None  # of the response
    problem: str  # code; empty where there is a response
    seconds: float

    @property
    def is_delivered(self) -> bool:
        """Return whether the endpoint has accepted the event."""
        return self.status is not None and 200 <= self.status < 300


def deliver(delivery_id: uuid.UUID, *, clock: Clock = timezone.now) -> None:
    """Send one delivery, unless its endpoint rests after a failed or slow try."""
    lease = Lease.claim(WebhookDelivery, delivery_id, duration=webhook_schedule.LEASE, clock=clock)
    if lease is None:
        return
    delivery = WebhookDelivery.objects.select_related("endpoint").get(pk=delivery_id)
    try:
        if not delivery.endpoint.is_active:
            _fail(lease, "endpoint_inactive")
        elif delivery.endpoint.paused_until and delivery.endpoint.paused_until > clock():
            WebhookDelivery.release(delivery_id, token=lease.token, resend_at=delivery.endpoint.paused_until)
        else:
            _store(delivery, lease, _send(delivery, clock))
    except LeaseLost:
        logger.warning("webhook delivery %s was requeued or claimed by another worker", delivery_id)
    except (OperationalError, InterfaceError):
        logger.warning("the database is unavailable: webhook delivery %s is requeued later", delivery_id)


def _send(delivery: WebhookDelivery, clock: Clock) -> Outcome:
    started = time.monotonic()
    status, problem = None, ""
    try:
        status = _response_status(delivery, clock)
    except DeliveryFailed as error:
        problem = error.code
    return Outcome(status, problem, time.monotonic() - started)


def _response_status(delivery: WebhookDelivery, clock: Clock) -> int:
    secret = secret_box.decrypted(delivery.endpoint.secret)
    if secret is None:
        raise DeliveryFailed("secret_lost")
    body = webhook_message.body_of(
        event=delivery.event,
        occurred_at=delivery.occurred_at,
        subject=delivery.subject,
        subject_id=delivery.subject_id,
    )
    headers = webhook_message.headers_of(secret=secret, event_id=delivery.event_id, body=body, now=clock())
    target = outbound.target_of(delivery.endpoint.url, allowed=settings.WEBHOOK_ALLOWED_NETWORKS)
    return outbound.post(target, body=body, headers=headers)


@transaction.atomic
def _store(delivery: WebhookDelivery, lease: Lease, outcome: Outcome) -> None:
    now, tries = lease.clock(), delivery.tries + 1
    lease.check()
    WebhookTry.objects.create(
        delivery=delivery,
        at=now,
        response_code=outcome.status,
        problem=outcome.problem,
        seconds=outcome.seconds,
    )
    rest = webhook_schedule.rest_of_endpoint(outcome.seconds)
    if outcome.is_delivered:
        WebhookDelivery.finish(delivery.pk, token=lease.token, now=now, tries=tries, failure_text="")
    else:
        pause = webhook_schedule.pause_after(tries, random=random.random)
        rest = max(rest or timedelta(0), webhook_schedule.PAUSES[0])
        if pause is None:
            _fail(lease, outcome.problem or "status_refused", tries=tries)
        else:
            WebhookDelivery.release(delivery.pk, token=lease.token, resend_at=now + pause, tries=tries)
    paused_until = now + rest if rest else None
    WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(paused_until=paused_until)


def _fail(lease: Lease, code: str, **columns: int) -> None:
    if columns:
        WebhookDelivery.claimed(lease.job_id, lease.token).update(**columns)
    text = webhook_problem(code)
    WebhookDelivery.fail(lease.job_id, token=lease.token, code=code, text=text, now=lease.clock())
