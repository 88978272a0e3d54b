"""Tables of monitoring: aggregates, reference distributions and alerts. None of them names a case."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site
from diagnostics.monitoring.policy import Rule
from diagnostics.registry.models import ModelVersion


class Period(models.TextChoices):
    """The length of an aggregate."""

    HOUR = "hour", _("hour")
    DAY = "day", _("day")


class Dimension(models.TextChoices):
    """By what the cases of a site are divided."""

    ALL = "all", _("All")
    VIEW = "view", _("View")
    SEX = "sex", _("Sex")
    AGE = "age", _("Age")
    DEVICE = "device", _("Device")


class Count(models.TextChoices):
    """What is counted; stops and failures also by code, as `stopped:inverted`."""

    DONE = "done", _("AI results")
    STOPPED = "stopped", _("Stopped at the quality gate")
    FAILED = "failed", _("Failed")
    DISTANT = "distant", _("Out of distribution")
    COMPARED = "compared", _("First readings with an AI result")
    AGREED = "agreed", _("First readings with the finding of the AI result")
    TRUE_POSITIVE = "true_positive", _("Flagged with COVID-19")
    FALSE_NEGATIVE = "false_negative", _("Not flagged with COVID-19")
    TRUE_NEGATIVE = "true_negative", _("Not flagged without COVID-19")
    FALSE_POSITIVE = "false_positive", _("Flagged without COVID-19")


class Aggregate(models.Model):
    """Counts and histograms of one version at one site in one hour or day, for one value of a dimension."""

    period = models.CharField(max_length=4, choices=Period.choices)
    start = models.DateTimeField()
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    dimension = models.CharField(max_length=6, choices=Dimension.choices)
    value = models.CharField(max_length=100, blank=True)
    counts = models.JSONField(default=dict)  # Count, or Count:code -> number
    histograms = models.JSONField(default=dict)  # Measure -> bin -> number

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "period", "dimension", "start", "value", "version"],
                name="one_aggregate_per_stratum",
            ),
            models.UniqueConstraint(
                fields=["site", "period", "dimension", "start", "value"],
                condition=Q(version=None),
                name="one_aggregate_without_version",
            ),
        ]


class Reference(models.Model):
    """The distributions that a version had at a site at first, frozen: drift is measured from them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+", db_index=False)
    predictions = models.PositiveIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    frozen_at = models.DateTimeField()
    histograms = models.JSONField(default=dict)  # "dimension=value" -> Measure -> bin -> number

    class Meta:
        ordering = ["-frozen_at"]
        constraints = [
            models.UniqueConstraint(fields=["version", "site"], name="one_reference_per_version_and_site")
        ]


class Alert(models.Model):
    """A rule that was broken at a site, from its opening until it is closed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    rule = models.CharField(max_length=24, choices=Rule.choices)
    subject = models.CharField(max_length=40, blank=True)  # the measure of a drift, else empty
    value = models.FloatField()
    limit = models.FloatField()
    cases = models.PositiveIntegerField()  # that the value was estimated from
    hours = models.PositiveIntegerField()  # of the window
    opened_at = models.DateTimeField()
    last_met_at = models.DateTimeField()  # when the condition was last met
    closed_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    mailed_at = models.DateTimeField(null=True)
    mail_attempts = models.PositiveSmallIntegerField(default=0)
    mail_due_at = models.DateTimeField(null=True)  # of the next attempt
    mail_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        indexes = [models.Index(fields=["opened_at", "id"])]
        constraints = [
            models.UniqueConstraint(
                fields=["site", "rule", "subject"],
                condition=Q(closed_at__isnull=True),
                name="one_open_alert_per_rule",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
                name="acknowledged_by_and_at_together",
            ),
        ]
