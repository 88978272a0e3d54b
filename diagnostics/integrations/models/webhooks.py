"""Webhook endpoints, the deliveries to them, each try of a delivery, and how far events were collected."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site
from diagnostics.jobs.models import Job

MAX_URL = 500  # characters


class WebhookEvent(models.TextChoices):
    """What an endpoint can be told."""

    CASE_FINISHED = "case.finished", _("AI result of a case stored, or stopped by the quality gate")
    CASE_FAILED = "case.failed", _("AI result of a case failed")
    READING_SIGNED = "reading.signed", _("Reading signed")
    READING_AMENDED = "reading.amended", _("Reading amended")
    CASE_FINAL = "case.final", _("Final finding of a case")
    RUN_FINISHED = "run.finished", _("Training run finished")
    RUN_FAILED = "run.failed", _("Training run failed")
    VERSION_PROMOTED = "version.promoted", _("Model version promoted")
    ALERT_RAISED = "alert.raised", _("Monitoring alert raised")


TEST_EVENT = "test"  # sent by the test button only


class WebhookEndpoint(models.Model):
    """An address of another system; it is told events of one site, and those that belong to no site."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    url = models.CharField(_("URL"), max_length=MAX_URL)
    events = models.JSONField(default=list)
    secret = models.TextField(editable=False)  # encrypted; shown once
    is_active = models.BooleanField(_("active"), default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    paused_until = models.DateTimeField(null=True)  # after a failed or slow try; no delivery is tried before

    class Meta:
        ordering = ["name", "pk"]


class WebhookDelivery(Job):
    """One event for one endpoint, as a background job; `tries` counts the requests that were sent."""

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=32)
    event_id = models.UUIDField()  # the same for every try and redelivery: `webhook-id`
    subject = models.CharField(max_length=32)  # kind of the object: case, trainingrun, modelversion
    subject_id = models.CharField(max_length=40)
    occurred_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["-queued_at", "pk"]
        indexes = [
            models.Index(fields=["status", "queued_at"], name="webhook_by_status"),
            models.Index(fields=["endpoint", "-queued_at"], name="webhook_by_endpoint"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "event_id"], name="one_delivery_per_endpoint_and_event"
            )
        ]


class WebhookTry(models.Model):
    """One request of a delivery and its response."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField()
    response_code = models.PositiveSmallIntegerField(null=True)  # null: no response
    problem = models.CharField(max_length=40, blank=True)  # code, where there is no response
    seconds = models.FloatField()

    class Meta:
        ordering = ["pk"]


class WebhookPosition(models.Model):
    """The position in the audit log up to which events were collected; one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    position = models.BigIntegerField()
