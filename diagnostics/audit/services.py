"""The one way to add a line to the record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

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
    """Add one line to the record; call it in the transaction of the deed itself."""
    return AuditEvent.objects.create(
        at=now or timezone.now(),
        # The foreign key names the hospital's User, which stands above this room.
        by_id=by.pk if by is not None else None,
        action=action,
        target_kind=str(target._meta.model_name) if target is not None else "",
        target_id=str(target.pk) if target is not None else "",
        detail=detail or {},
    )
