"""Retrievals of studies from DICOM nodes, as background jobs."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from diagnostics.integrations.models.dicom_nodes import DicomNode
from diagnostics.jobs.models import OPEN_STATUSES, Job


class StudyRetrieval(Job):
    """A C-MOVE of one study to this listener; the patient is known to the node only."""

    node = models.ForeignKey(DicomNode, on_delete=models.PROTECT, related_name="retrievals")
    study_uid = models.CharField(max_length=64)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    completed = models.PositiveIntegerField(default=0)  # sub-operations of the node
    refused = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-queued_at"]
        indexes = [models.Index(fields=["status", "queued_at"], name="retrieval_by_status")]
        constraints = [
            models.UniqueConstraint(
                fields=["node", "study_uid"],
                condition=Q(status__in=[status.value for status in OPEN_STATUSES]),
                name="one_open_retrieval_per_study",
            )
        ]
