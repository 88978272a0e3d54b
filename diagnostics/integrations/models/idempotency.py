"""Requests of scripts that carried an idempotency key, and their answers."""

from __future__ import annotations

import uuid

from django.db import models

from diagnostics.accounts.models import User


class IdempotentRequest(models.Model):
    """A request with an idempotency key, for a day; without a status it is still being answered."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    owner = models.UUIDField()  # the API token, or the user of a session
    key = models.CharField(max_length=64)  # SHA-256 of what the client sent
    path = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, blank=True)  # SHA-256 of the request
    locked_until = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)  # JSON; may hold the text of a reading

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="one_answer_per_key")]
