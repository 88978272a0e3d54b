"""The only functions that write events to the audit log."""

from __future__ import annotations

from collections.abc import Iterable
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
    event = _event(action=action, by=by, target=target, detail=detail or {}, at=now or timezone.now())
    event.save(force_insert=True)
    return event


def record_each(*, action: Action, by: AbstractBaseUser, targets: Iterable[Model], now: datetime) -> None:
    """Record the same action on each target, all in one INSERT."""
    AuditEvent.objects.bulk_create(
        _event(action=action, by=by, target=target, detail={}, at=now) for target in targets
    )


def _event(
    *, action: Action, by: AbstractBaseUser | None, target: Model | None, detail: dict[str, Any], at: datetime
) -> AuditEvent:
    return AuditEvent(
        at=at,
        # The primary key only: the model User belongs to accounts, an app above this one.
        by_id=by.pk if by is not None else None,
        action=action,
        target_kind=str(target._meta.model_name) if target is not None else "",
        target_id=str(target.pk) if target is not None else "",
        site=_site_of(target),
        detail=detail,
    )


def _site_of(target: Model | None) -> UUID | None:
    """Return the site of a target; None for one that belongs to all sites."""
    if target is not None and target._meta.label == "accounts.Site":
        return UUID(str(target.pk))
    return getattr(target, "site_id", None)
