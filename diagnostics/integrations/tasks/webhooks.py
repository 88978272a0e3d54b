"""The Celery task of webhooks."""

from __future__ import annotations

import uuid

from celery import shared_task


@shared_task(name="webhooks.deliver", ignore_result=True)
def deliver(delivery_id: str) -> None:
    """Send one delivery."""
    from diagnostics.integrations.pipeline import webhooks  # only workers import the pipeline

    webhooks.deliver(uuid.UUID(delivery_id))
