"""Events of the audit log as texts and links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.audit.models import Action, AuditEvent

ID_LENGTH: Final = 8  # characters of a UUID that a page shows


@dataclass(frozen=True)
class TargetKind:
    """A kind of target that has a page."""

    label: Promise
    route: str


@dataclass(frozen=True)
class EventRow:
    """One row of the table; `target_url` is empty for a target without a page."""

    at: datetime
    actor: str
    action: str
    target: str
    target_id: str
    target_url: str
    details: str


TARGET_KINDS: Final = {
    "case": TargetKind(gettext_lazy("case"), "cases:case"),
    "trainingrun": TargetKind(gettext_lazy("run"), "training:run"),
    "modelversion": TargetKind(gettext_lazy("version"), "registry:version"),
}


def event_row(event: AuditEvent) -> EventRow:
    """Return an event as a row of the table."""
    kind = TARGET_KINDS.get(event.target_kind)
    label = kind.label if kind else event.target_kind
    return EventRow(
        at=event.at,
        actor=_actor(event),
        action=event.get_action_display(),
        target=f"{label} {event.target_id[:ID_LENGTH]}" if event.target_id else "",
        target_id=event.target_id,
        target_url=reverse(kind.route, args=[event.target_id]) if kind else "",
        details=_details(event.detail),
    )


def _actor(event: AuditEvent) -> str:
    if event.by is not None:
        return event.by.get_username()
    return _("Unknown user") if event.action == Action.LOGIN_FAILED else _("System")


def _details(detail: dict[str, Any]) -> str:
    parts: list[str] = []
    for name, value in detail.items():
        pairs = value.items() if isinstance(value, dict) else [(name, value)]
        parts += [f"{key}: {one}" for key, one in pairs]
    return ", ".join(parts)
