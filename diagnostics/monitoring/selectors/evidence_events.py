"""Events of the audit log as evidence, with position and hash in the chain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import Model, Q

from diagnostics.accounts.models import User
from diagnostics.audit import chain
from diagnostics.audit.models import Action, AuditEvent

# Reading is no change: with these events each pack would differ from the one before.
READ_ONLY: Final = (
    *(Action.CASE_VIEWED, Action.IMAGE_VIEWED, Action.CASES_LISTED, Action.CASES_SEARCHED),
    *(Action.CASE_EXPORTED, Action.REPORT_VIEWED, Action.REPORT_EXPORTED, Action.SNAPSHOT_EXPORTED),
    *(Action.CASE_EVIDENCE_EXPORTED, Action.VERSION_EVIDENCE_EXPORTED),
)


def changes_of(targets: Iterable[Model]) -> list[dict[str, Any]]:
    """Return the events that changed the targets, oldest first, as the audit log's own export does."""
    of_targets = Q(pk__in=[])
    for target in targets:
        of_targets |= Q(target_kind=str(target._meta.model_name), target_id=str(target.pk))
    events = AuditEvent.objects.filter(of_targets).exclude(action__in=READ_ONLY).select_related("by")
    return [
        chain.content(event) | {"hash": event.hash, **person(event.by)} for event in events.order_by("pk")
    ]


def person(user: Any) -> dict[str, str]:
    """Return name and role of a user; empty for a worker or a periodic task."""
    return {"username": user.username, "role": user.role} if isinstance(user, User) else {}
