"""Erasures, and for how long a site keeps its data."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site


class Cause(models.TextChoices):
    """Why data were erased."""

    REQUEST = "request", _("request")
    RETENTION = "retention", _("retention rule")


class Erasure(models.Model):
    """What was erased, without what would identify the patient: it proves the erasure and finishes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    cause = models.CharField(max_length=12, choices=Cause.choices)
    patient = models.CharField(max_length=64, blank=True)  # a keyed digest; empty for a retention rule
    reason = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    rows = models.JSONField(default=dict)  # table -> number of deleted rows
    cases = models.JSONField(default=list)  # ids of the deleted cases, which audit records still name
    runs = models.JSONField(default=list)  # numbers of the training runs that used their radiographs
    versions = models.JSONField(default=list)  # numbers of the model versions trained on them
    # {"media": [file], "staged": [upload], "snapshots": {run id: [label id]}}: what is still to be removed.
    pending = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at"]
        indexes = [models.Index(fields=["patient"], name="erasure_by_patient")]


class RetentionRule(models.Model):
    """For how many years a site keeps its data; empty means without limit."""

    site = models.OneToOneField(Site, primary_key=True, on_delete=models.PROTECT, related_name="+")
    case_years = models.PositiveSmallIntegerField(null=True, validators=[MinValueValidator(1)])
    # Of AI results that a newer one has replaced and that no reader has seen.
    replaced_prediction_years = models.PositiveSmallIntegerField(null=True, validators=[MinValueValidator(1)])
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()
