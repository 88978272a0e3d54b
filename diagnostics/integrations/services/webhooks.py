"""Changes of webhook endpoints, the test button, and redelivery."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.errors import NotAllowed
from diagnostics.integrations import outbound, secret_box, tasks
from diagnostics.integrations.errors.webhooks import DeliveryFailed, InvalidEndpoint, webhook_problem
from diagnostics.integrations.models import WebhookDelivery, WebhookEndpoint
from diagnostics.integrations.models.webhooks import MAX_URL, TEST_EVENT, WebhookEvent
from diagnostics.integrations.policy import webhook_message
from diagnostics.integrations.services import webhook_events
from diagnostics.jobs.enqueue import enqueue_on_commit
from diagnostics.jobs.models import JobStatus


@transaction.atomic
def create_endpoint(
    *, site: Site, name: str, url: str, events: Collection[str], by: User, now: datetime
) -> tuple[WebhookEndpoint, str]:
    """Create an endpoint of one of the user's sites; return it and its secret, which is shown only now.

    Raises NotAllowed, InvalidEndpoint.
    """
    _require_site(site, by)
    webhook_events.start()
    secret = webhook_message.new_secret()
    endpoint = WebhookEndpoint.objects.create(
        site=site,
        name=name,
        url=_checked_url(url),
        events=_checked_events(events),
        secret=secret_box.encrypted(secret),
        created_by=by,
        created_at=now,
    )
    _record(endpoint, {"change": "created", "events": endpoint.events}, by=by, now=now)
    return endpoint, secret


@transaction.atomic
def change_endpoint(*, endpoint: WebhookEndpoint, values: dict[str, Any], by: User, now: datetime) -> None:
    """Change name, URL, events or activity of an endpoint; raises NotAllowed, InvalidEndpoint."""
    _require_site(endpoint.site, by)
    checks: dict[str, Callable[[Any], Any]] = {
        "name": str,
        "url": _checked_url,
        "events": _checked_events,
        "is_active": bool,
    }
    new = {field: check(values[field]) for field, check in checks.items() if field in values}
    stored = WebhookEndpoint.objects.get(pk=endpoint.pk)  # a form has written its values to `endpoint`
    changed = [field for field, value in new.items() if getattr(stored, field) != value]
    for field, value in new.items():
        setattr(endpoint, field, value)
    endpoint.paused_until = None
    endpoint.save(update_fields=[*new, "paused_until"])
    if changed:
        _record(endpoint, {"change": "changed", "fields": changed}, by=by, now=now)


@transaction.atomic
def renew_secret(*, endpoint: WebhookEndpoint, by: User, now: datetime) -> str:
    """Replace the secret of an endpoint and return the new one; raises NotAllowed."""
    _require_site(endpoint.site, by)
    secret = webhook_message.new_secret()
    endpoint.secret = secret_box.encrypted(secret)
    endpoint.save(update_fields=["secret"])
    _record(endpoint, {"change": "secret"}, by=by, now=now)
    return secret


@transaction.atomic
def send_test(*, endpoint: WebhookEndpoint, by: User, now: datetime) -> WebhookDelivery:
    """Queue a test event for an endpoint; raises NotAllowed."""
    _require_site(endpoint.site, by)
    delivery = WebhookDelivery.objects.create(
        endpoint=endpoint,
        event=TEST_EVENT,
        event_id=uuid.uuid4(),
        subject="webhookendpoint",
        subject_id=str(endpoint.pk),
        occurred_at=now,
        queued_at=now,
    )
    _start(delivery, "test", by=by, now=now)
    return delivery


@transaction.atomic
def redeliver(*, delivery: WebhookDelivery, by: User, now: datetime) -> bool:
    """Queue a finished delivery again, with the same id; False while it is open. Raises NotAllowed."""
    _require_site(delivery.endpoint.site, by)
    ended = WebhookDelivery.objects.filter(pk=delivery.pk, status__in=[JobStatus.DONE, JobStatus.FAILED])
    queued = {"status": JobStatus.QUEUED, "queued_at": now, "finished_at": None, "lease_until": None}
    no_failure = {"failure_code": "", "failure_text": "", "tries": 0, "attempts": 0, "lost_attempts": 0}
    if not ended.update(**queued, **no_failure):
        return False
    _start(delivery, "redelivery", by=by, now=now)
    return True


def _start(delivery: WebhookDelivery, change: str, *, by: User, now: datetime) -> None:
    WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(paused_until=None)
    _record(delivery.endpoint, {"change": change, "delivery": str(delivery.pk)}, by=by, now=now)
    enqueue_on_commit(tasks.deliver, delivery.pk)


def _require_site(site: Site, by: User) -> None:
    require(by, Permission.MANAGE_INTEGRATIONS)
    if not by.sites.filter(pk=site.pk).exists():
        raise NotAllowed(_("You do not work at this site."))


def _checked_url(url: str) -> str:
    """Return a URL whose host may be called now; every delivery checks it again. Raises InvalidEndpoint."""
    url = url.strip()
    if len(url) > MAX_URL:
        raise InvalidEndpoint("url_invalid", webhook_problem("url_invalid"))
    try:
        outbound.target_of(url, allowed=settings.WEBHOOK_ALLOWED_NETWORKS)
    except DeliveryFailed as error:
        raise InvalidEndpoint(error.code, webhook_problem(error.code)) from error
    return url


def _checked_events(events: Collection[str]) -> list[str]:
    if not events or not set(events) <= set(WebhookEvent.values):
        raise InvalidEndpoint("events_invalid", _("Choose at least one of the listed events."))
    return sorted(set(events))


def _record(endpoint: WebhookEndpoint, detail: dict[str, Any], *, by: User, now: datetime) -> None:
    audit.record(action=Action.WEBHOOK_CHANGED, by=by, target=endpoint, detail=detail, now=now)
