"""The changes of a reading policy as sentences, from the events of the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site
from diagnostics.audit.models import AuditEvent
from diagnostics.review.models import ReadingPolicy


@dataclass(frozen=True)
class PolicyChange:
    """One event: who changed which fields."""

    at: datetime
    by: str
    fields: list[str]  # "label: old, now new"


def changes(events: Iterable[AuditEvent], labels: Mapping[str, Any]) -> list[PolicyChange]:
    """Return the changes that events describe, newest first; an event without a changed field is left out.

    `labels` holds the text of each field of the policy and of the rules stored on the site. An event of a
    policy holds all values, so it is compared with the event before it.
    """
    known, found = {name: _default(name) for name in labels}, list[PolicyChange]()
    for event in sorted(events, key=lambda event: event.pk):
        after = {name: _new(value) for name, value in event.detail.items() if name in known}
        after |= {name: _new(value) for name, value in _admin_changes(event).items() if name in known}
        changed = [
            _sentence(labels[name], known[name], value)
            for name, value in after.items()
            if known[name] != value
        ]
        known |= after
        if changed:
            found.append(PolicyChange(event.at, event.by.get_username() if event.by else "", changed))
    return found[::-1]


def _default(name: str) -> Any:
    is_site_rule = name in {field.name for field in Site._meta.get_fields()}
    model = Site if is_site_rule else ReadingPolicy
    return model._meta.get_field(name).get_default()  # type: ignore[union-attr]


def _admin_changes(event: AuditEvent) -> dict[str, Any]:
    changed = event.detail.get("changes")
    return changed if isinstance(changed, dict) else {}


def _new(value: Any) -> Any:
    """Return the new value of an old and a new one, as Django's admin records them."""
    return value["new"] if isinstance(value, dict) and "new" in value else value


def _sentence(label: Any, old: Any, new: Any) -> str:
    return _("%(label)s: %(old)s, now %(new)s") % {"label": label, "old": _text(old), "new": _text(new)}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)
