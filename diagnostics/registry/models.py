"""Model versions and the history of what was in force."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Verdict(models.TextChoices):
    """What the comparison with the version in force came to."""

    ACCEPT = "accept", _("Not worse than the version in force")
    REJECT = "reject", _("Worse than the version in force")
    INCONCLUSIVE = "inconclusive", _("Too few cases to tell")
    NONE = "none", _("Not compared")


class ModelVersion(models.Model):
    """A trained network, kept for ever; its files lie in one bundle directory."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(unique=True)
    bundle = models.CharField(max_length=200, unique=True)  # directory name under settings.BUNDLES
    weights_sha256 = models.CharField(max_length=64)
    manifest = models.JSONField()
    comparison = models.JSONField(default=dict, blank=True)
    verdict = models.CharField(max_length=12, choices=Verdict.choices, default=Verdict.NONE)
    verdict_reason = models.TextField(blank=True)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    registered_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"v{self.number}"


class Promotion(models.Model):
    """A version coming into force; the row with no end is what is in force now."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="promotions")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["-since"]
        constraints = [
            models.UniqueConstraint(fields=["active"], condition=Q(active=True), name="one_active_version"),
            models.CheckConstraint(
                condition=Q(active=True, until__isnull=True) | Q(active=False, until__isnull=False),
                name="in_force_has_no_end",
            ),
        ]
