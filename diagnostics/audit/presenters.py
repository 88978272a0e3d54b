"""Events of the audit log as texts and links, and as lines of an export."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from diagnostics.audit import chain
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.csv import csv_line, escape_formula
from diagnostics.keyset import AtLeast

Lines = Callable[[Iterable[AuditEvent]], Iterator[str]]
CSV_COLUMNS: Final = (
    *("id", "at", "by", "action", "target_kind", "target_id", "site", "detail"),
    *("position", "hash"),
)
ID_LENGTH: Final = 8  # characters of a UUID that a page shows


@dataclass(frozen=True)
class TargetKind:
    """A kind of target; `route` is empty where it has no page."""

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
    "user": TargetKind(gettext_lazy("account"), ""),
    "case": TargetKind(gettext_lazy("case"), "cases:case"),
    "trainingrun": TargetKind(gettext_lazy("run"), "training:run"),
    "shadowrun": TargetKind(gettext_lazy("shadow run"), ""),
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
        target_url=reverse(kind.route, args=[event.target_id]) if kind and kind.route else "",
        details=_details(event.detail),
    )


def count_text(count: int) -> str:
    """Return the number of matching events in words."""
    if isinstance(count, AtLeast):
        return _("More than %(n)s events") % {"n": count}
    return ngettext("%(n)s event", "%(n)s events", count) % {"n": count}


def json_lines(events: Iterable[AuditEvent]) -> Iterator[str]:
    """Yield the content under the hash, the hash and the user name of each event as one line of JSON."""
    for event in events:
        line = chain.content(event) | {"hash": event.hash, "username": _username(event)}
        yield json.dumps(line, sort_keys=True) + "\n"


def csv_lines(events: Iterable[AuditEvent]) -> Iterator[str]:
    """Yield the heading and each event as one line of CSV; no cell is a formula."""
    yield csv_line(CSV_COLUMNS)
    for event in events:
        values = chain.content(event) | {"hash": event.hash, "by": _username(event)}
        values["detail"] = json.dumps(event.detail, sort_keys=True)
        yield csv_line(
            escape_formula("" if values[name] is None else str(values[name])) for name in CSV_COLUMNS
        )


def _username(event: AuditEvent) -> str:
    return event.by.get_username() if event.by is not None else ""


def _actor(event: AuditEvent) -> str:
    if event.by is not None:
        return event.by.get_username()
    unknown = event.action in (Action.LOGIN_FAILED, Action.LOGIN_LIMITED)
    return _("Unknown user") if unknown else _("System")


def _details(detail: dict[str, Any]) -> str:
    parts: list[str] = []
    for name, value in detail.items():
        pairs = value.items() if isinstance(value, dict) else [(name, value)]
        parts += [f"{key}: {_text(one)}" for key, one in pairs]
    return ", ".join(parts)


def _text(value: Any) -> str:
    """Return a value as text; of a pair, the old and the new value of a changed field."""
    if isinstance(value, dict) and value.keys() == {"old", "new"}:
        return _("%(old)s, now %(new)s") % {"old": _text(value["old"]), "new": _text(value["new"])}
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
