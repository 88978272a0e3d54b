"""Retention: old events are removed from the beginning of the chain, and a checkpoint takes their place."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.audit.errors import BrokenChain
from diagnostics.audit.models import Action, AuditCheckpoint, AuditEvent
from diagnostics.audit.selectors import tail
from diagnostics.audit.selectors.verification import verify
from diagnostics.audit.services.recording import record
from diagnostics.audit.services.sealing import wait_for_lock

LONGEST_YEAR: Final = timedelta(days=366)


def expired_prefix(*, now: datetime) -> tuple[int, int]:
    """Return the last position of the sealed events that are older than the retention, and their number."""
    first, oldest = tail.start().position, now - settings.AUDIT_RETENTION_YEARS * LONGEST_YEAR
    kept = AuditEvent.objects.filter(position__gt=first, at__gte=oldest).order_by("position").first()
    last = (kept.position or 0) - 1 if kept else tail.tail().position
    return last, last - first


@transaction.atomic
def prune(*, by: AbstractBaseUser, reason: str, now: datetime) -> AuditCheckpoint | None:
    """Remove the expired events and return the checkpoint; None without any. Raises BrokenChain."""
    wait_for_lock()
    problems = verify(now=now).problems
    if problems:
        raise BrokenChain(_("The audit log does not verify: %(problem)s.") % {"problem": problems[0]})
    last, count = expired_prefix(now=now)
    if not count:
        return None
    end = AuditEvent.objects.get(position=last)
    detail = {"events": count, "position": last, "hash": end.hash, "newest": end.at.isoformat()}
    record(action=Action.AUDIT_PRUNED, by=by, detail=detail | {"reason": reason}, now=now)
    checkpoint = AuditCheckpoint.objects.create(
        position=last, hash=end.hash, events=count, at=now, by_id=by.pk, reason=reason
    )
    # The triggers permit this deletion, and no other: a checkpoint covers each of these events.
    AuditEvent.objects.filter(position__lte=last).delete()
    return checkpoint
