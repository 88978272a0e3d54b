"""Shadow runs: a version that scores the cases of the active version, unseen by readers."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from diagnostics.cases.models import Case, Prediction, PredictionOutcome
from diagnostics.findings import Finding
from diagnostics.jobs.models import Job
from diagnostics.registry.models import ModelVersion, Promotion


class ShadowEnd(models.TextChoices):
    """Why a shadow run ended."""

    USER = "user", _("ended by a user")
    PROMOTION = "promotion", _("the active version changed")


class ShadowRun(models.Model):
    """A period in which a version scores each new case beside one deployment of the active version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="shadow_runs")
    against = models.ForeignKey(Promotion, on_delete=models.PROTECT, related_name="shadow_runs")
    operating_points = models.JSONField(default=dict)  # finding -> threshold of the version
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    # When the oldest prediction was queued that was open at the start; no compared one was queued before.
    covers_from = models.DateTimeField()
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    ended_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=12, choices=ShadowEnd.choices, blank=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            # Runs on an ended deployment are closed before another starts: one run is open.
            models.UniqueConstraint(
                fields=["against"], condition=Q(ended_at__isnull=True), name="one_open_shadow_run"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, end="") | Q(ended_at__isnull=False) & ~Q(end=""),
                name="ended_shadow_run_has_a_cause",
            ),
        ]


class ShadowPrediction(Job):
    """The prediction of a shadow run for one case. No query of readers selects from this table."""

    run = models.ForeignKey(ShadowRun, on_delete=models.PROTECT, related_name="predictions")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="+")
    # Of the active version, for the same case.
    prediction = models.ForeignKey(Prediction, on_delete=models.CASCADE, related_name="+")
    probabilities = models.JSONField(default=dict)  # class -> calibrated probability
    finding = models.CharField(max_length=16, choices=Finding.choices, blank=True)
    outcome = models.CharField(max_length=20, choices=PredictionOutcome.choices, blank=True)

    class Meta:
        ordering = ["-queued_at"]
        indexes = [models.Index(fields=["status", "queued_at"], name="shadow_by_status")]
        constraints = [models.UniqueConstraint(fields=["run", "case"], name="one_shadow_score_per_case")]
