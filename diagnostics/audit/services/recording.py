"""The only function that writes events to the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Model
from django.utils import timezone

from diagnostics.audit.models import Action, AuditEvent


def record(
    *,
    action: Action,
    by: AbstractBaseUser | None,
    target: Model | None = None,
    detail: dict[str, Any] | None = None,
    now: datetime | None = None,
) -> AuditEvent:
    """Record one event; call it in the transaction of the change that it describes."""
    return AuditEvent.objects.create(
        at=now or timezone.now(),
        # The primary key only: the model User belongs to accounts, an app above this one.
        by_id=by.pk if by is not None else None,
        action=action,
        target_kind=str(target._meta.model_name) if target is not None else "",
        target_id=str(target.pk) if target is not None else "",
        site=_site_of(target),
        detail=detail or {},
    )


def _site_of(target: Model | None) -> UUID | None:
    """Return the site of a target; None for one that belongs to all sites."""
    if target is not None and target._meta.label == "accounts.Site":
        return UUID(str(target.pk))
    return getattr(target, "site_id", None)
