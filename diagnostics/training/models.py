"""Training runs, their epochs, and the schedule."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnostics.jobs.models import OPEN_STATUSES, Job
from diagnostics.registry.models import ModelVersion


class Trigger(models.TextChoices):
    BUTTON = "button", _("by hand")
    SCHEDULE = "schedule", _("by the schedule")


class TrainingRun(Job):
    """One attempt to make a better version from the signed findings."""

    number = models.PositiveIntegerField(unique=True)
    trigger = models.CharField(max_length=8, choices=Trigger.choices, default=Trigger.BUTTON)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    singleton_key = models.CharField(
        max_length=8, default="vgg16", editable=False
    )  # one open run in it at a time
    parameters = models.JSONField(default=dict)  # preset, epochs, batch size, seed
    snapshot_sha256 = models.CharField(max_length=64, blank=True)
    counts = models.JSONField(default=dict)  # part -> class -> {cases, patients}
    phase = models.CharField(max_length=40, blank=True)
    parent = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+")
    candidate = models.OneToOneField(ModelVersion, null=True, on_delete=models.PROTECT, related_name="run")

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["singleton_key"],
                condition=Q(status__in=[s.value for s in OPEN_STATUSES]),
                name="one_open_training_run",
            )
        ]


class Epoch(models.Model):
    """What one epoch came to."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="epochs")
    number = models.PositiveIntegerField()
    of = models.PositiveIntegerField()
    loss = models.FloatField()
    accuracy = models.FloatField()
    val_loss = models.FloatField()
    val_accuracy = models.FloatField()
    seconds = models.FloatField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_row_per_epoch")]


class Schedule(models.Model):
    """When training starts by itself; one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    enabled = models.BooleanField(default=False)
    every_days = models.PositiveSmallIntegerField(default=7)
    at_hour = models.PositiveSmallIntegerField(default=2)  # hour of the site's day, 0 to 23
    minimum_new_readings = models.PositiveIntegerField(default=20)
    last_considered_at = models.DateTimeField(null=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_schedule")]
