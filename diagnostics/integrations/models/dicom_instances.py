"""The log of received SOP instances; no column names a patient."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from diagnostics.accounts.models import Site
from diagnostics.cases.models import Case


class InstanceOutcome(models.TextChoices):
    """What became of a received instance."""

    ACCEPTED = "accepted", _("Case opened")
    DUPLICATE = "duplicate", _("Already present")
    REFUSED = "refused", _("Refused")


class ReceivedInstance(models.Model):
    """One C-STORE request and its answer."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(Case, null=True, on_delete=models.PROTECT, related_name="received_instances")
    at = models.DateTimeField()
    calling_ae = models.CharField(max_length=16)
    address = models.CharField(max_length=45)
    sop_class_uid = models.CharField(max_length=64)
    sop_instance_uid = models.CharField(max_length=64)
    transfer_syntax = models.CharField(max_length=64)
    size = models.PositiveIntegerField()  # bytes
    outcome = models.CharField(max_length=10, choices=InstanceOutcome.choices)
    code = models.CharField(max_length=40, blank=True)  # of the refusal
    status = models.PositiveIntegerField()  # of the response, PS3.7 annex C

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["site", "-at"], name="received_by_time"),
            models.Index(fields=["site", "sop_instance_uid"], name="received_by_instance"),
        ]
