"""Model versions and their deployment history."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Verdict(models.TextChoices):
    """The verdict of the promotion gate on a candidate compared with the active version."""

    ACCEPT = "accept", _("Not inferior to the active version")
    REJECT = "reject", _("Inferior to the active version")
    INCONCLUSIVE = "inconclusive", _("Too few cases for a verdict")
    NONE = "none", _("Not compared")


class ModelVersion(models.Model):
    """A trained network, stored permanently; its files are in one bundle directory."""

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
    # Who requested its training; another user promotes it. None: a schedule, or installed with Readroom.
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    overridden_at = models.DateTimeField(null=True)  # when it was first promoted in spite of the gate
    # Radiographs of its training data, or of a version it was fine-tuned from, that were erased since.
    erased_radiographs = models.PositiveIntegerField(default=0, db_default=0)

    # Why it was trained in spite of the leak and shortcut checks, and the names of those that failed.
    leak_reason = models.TextField(blank=True, default="", db_default="")
    leak_names = models.TextField(blank=True, default="", db_default="")

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"v{self.number}"

    @property
    def compared_with(self) -> str:
        """Return the name of the version that was active at the registration; empty without a comparison."""
        return str(self.comparison.get("active", ""))


class Promotion(models.Model):
    """A period in which a version was active; the row without an end is the active one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="promotions")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    active = models.BooleanField(default=True)
    override = models.BooleanField(default=False, db_default=False)  # in spite of the gate
    acknowledged = models.JSONField(default=list, db_default=[])  # names of the rules and checks
    one_person = models.BooleanField(default=False, db_default=False)  # approved by who requested it
    roll_back = models.BooleanField(default=False, db_default=False)
    operating_points = models.JSONField(default=dict, db_default={})  # finding -> threshold; {}: the bundle's
    operating_choice = models.JSONField(default=dict, db_default={})  # how the operating point was chosen

    class Meta:
        ordering = ["-since"]
        constraints = [
            models.UniqueConstraint(fields=["active"], condition=Q(active=True), name="one_active_version"),
            models.CheckConstraint(
                condition=Q(active=True, until__isnull=True) | Q(active=False, until__isnull=False),
                name="active_promotion_has_no_end",
            ),
        ]
