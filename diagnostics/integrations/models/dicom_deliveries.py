"""Deliveries of results to DICOM nodes, as background jobs."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from diagnostics.cases.models import Case, Prediction
from diagnostics.integrations.models.dicom_nodes import DicomNode
from diagnostics.jobs.models import Job


class ResultKind(models.TextChoices):
    """The object that is sent."""

    SECONDARY_CAPTURE = "sc", _("Secondary Capture")
    STRUCTURED_REPORT = "sr", _("Structured Report")


class ResultDelivery(Job):
    """One object of one AI result for one node. Its UID follows from prediction and kind.

    A node that has stored it answers a repetition as a duplicate, so nothing is stored twice.
    """

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="result_deliveries")
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="+")
    node = models.ForeignKey(DicomNode, on_delete=models.PROTECT, related_name="deliveries")
    kind = models.CharField(max_length=4, choices=ResultKind.choices)
    sop_instance_uid = models.CharField(max_length=64)
    failures = models.PositiveIntegerField(default=0)  # attempts that the node did not complete

    class Meta:
        ordering = ["-queued_at", "kind"]
        indexes = [
            models.Index(fields=["status", "queued_at"], name="delivery_by_status"),
            models.Index(fields=["case", "node"], name="delivery_by_case"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["node", "prediction", "kind"], name="one_delivery_per_result")
        ]
