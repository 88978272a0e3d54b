"""Training runs, their epochs, and the schedule."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnostics.cases.models import Case
from diagnostics.findings import Finding
from diagnostics.jobs.models import OPEN_STATUSES, Job
from diagnostics.registry.models import ModelVersion


class Trigger(models.TextChoices):
    MANUAL = "manual", _("Manual")
    SCHEDULE = "schedule", _("Schedule")
    FINDINGS = "findings", _("New findings")


class Phase(models.TextChoices):
    """The current step of a running job."""

    FREEZING = "freezing", _("Freezing the data set")
    LEAK_CHECKS = "leak-checks", _("Running leak and shortcut checks")
    TRAINING = "training", _("Training")
    COMPARING = "comparing", _("Comparing with the active version")
    TRUST_CHECKS = "trust-checks", _("Running trust checks")


# The columns of the progress of a run that has to begin again.
UNSTARTED: Final[dict[str, Any]] = {
    "phase": "",
    "checks_done": 0,
    "checks_total": 0,
    "check_running": "",
    "batch": 0,
    "batches": 0,
}


class TrainingRun(Job):
    """One training of a candidate version."""

    number = models.PositiveIntegerField(unique=True)
    trigger = models.CharField(max_length=8, choices=Trigger.choices, default=Trigger.MANUAL)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    # The same for every run: at most one with this key may be open.
    singleton_key = models.CharField(max_length=8, default="vgg16", editable=False)
    parameters = models.JSONField(default=dict)  # recipe, epochs, batch size, learning rate, seed
    snapshot_sha256 = models.CharField(max_length=64, blank=True)
    counts = models.JSONField(default=dict)  # part -> class -> {cases, patients}
    # What the checks before the training found, with the cases; see data_set.py.
    leak_checks = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    leak_reason = models.TextField(blank=True, default="", db_default="")  # why to train in spite of them
    frozen_at = models.DateTimeField(null=True)  # when the labels of the snapshot were read
    phase = models.CharField(max_length=16, choices=Phase.choices, blank=True)
    checks_done = models.PositiveSmallIntegerField(default=0)  # of the trust report
    checks_total = models.PositiveSmallIntegerField(default=0)  # 0: not yet known
    check_running = models.CharField(max_length=8, blank=True, default="", db_default="")  # its id
    batch = models.PositiveIntegerField(default=0, db_default=0)  # completed ones of the current epoch
    batches = models.PositiveIntegerField(default=0, db_default=0)  # of an epoch; 0: not yet known
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


class Part(models.TextChoices):
    """What a run used a label for."""

    TRAIN = "train", _("Training set")
    VALIDATION = "validation", _("Validation set")
    TEST = "test", _("Test set")
    EXCLUDED = "excluded", _("Excluded")


class SnapshotLabel(models.Model):
    """One label of a run's snapshot; for the test set also the predictions of both versions."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="labels")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    label = models.UUIDField(db_index=True)  # of the reading or the imported label
    imported = models.BooleanField()
    finding = models.CharField(max_length=16, choices=Finding.choices)
    part = models.CharField(max_length=10, choices=Part.choices)
    exclusion = models.CharField(max_length=100, blank=True)  # reason
    candidate = models.JSONField(default=dict)  # class -> probability
    active = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "label"], name="one_row_per_run_and_label")]


class SnapshotFigures(models.Model):
    """The snapshot of a finished run in numbers, counted once, because it may have a million labels."""

    run = models.OneToOneField(
        TrainingRun, primary_key=True, on_delete=models.CASCADE, related_name="snapshot_figures"
    )
    counted_at = models.DateTimeField()
    counts = models.JSONField()  # attribute -> value -> labels
    since = models.ForeignKey(TrainingRun, null=True, on_delete=models.SET_NULL, related_name="+")
    added = models.PositiveIntegerField(default=0)  # labels, since that run
    removed = models.PositiveIntegerField(default=0)
    test_set_uses = models.PositiveIntegerField()


class Epoch(models.Model):
    """The metrics of one epoch."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="epochs")
    number = models.PositiveIntegerField()
    planned_epochs = models.PositiveIntegerField()
    loss = models.FloatField()
    accuracy = models.FloatField()
    val_loss = models.FloatField()
    val_accuracy = models.FloatField()
    seconds = models.FloatField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_row_per_epoch")]


class Schedule(models.Model):
    """When scheduled training starts; one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    enabled = models.BooleanField(default=False)
    every_days = models.PositiveSmallIntegerField(default=7)
    at_hour = models.PositiveSmallIntegerField(default=2)  # in the site's time zone, 0 to 23
    minimum_new_readings = models.PositiveIntegerField(default=20)
    after_findings = models.PositiveIntegerField(default=0, db_default=0)  # new final ones; 0: not used
    recipe = models.CharField(max_length=20, default="vgg16-finetune", db_default="vgg16-finetune")
    last_evaluated_at = models.DateTimeField(null=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_schedule")]
