"""Answers to requests of storage commitment (PS3.4 annex J), as background jobs."""

from __future__ import annotations

from django.db import models

from diagnostics.integrations.models.dicom_nodes import DicomNode
from diagnostics.jobs.models import Job


class StorageCommitment(Job):
    """One N-ACTION request and the N-EVENT-REPORT that answers it."""

    node = models.ForeignKey(DicomNode, on_delete=models.CASCADE, related_name="commitments")
    transaction_uid = models.CharField(max_length=64)
    instances = models.JSONField(default=list)  # [SOP class UID, SOP instance UID] of each
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-queued_at"]
        constraints = [
            models.UniqueConstraint(fields=["node", "transaction_uid"], name="one_answer_per_transaction")
        ]
