"""The changes of a reading policy as sentences, from the events of the audit log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site
from diagnostics.audit.models import AuditEvent
from diagnostics.review.forms.reading_policy import POLICY_FIELDS, SITE_FIELDS, PolicyForm
from diagnostics.review.models import ReadingPolicy


@dataclass(frozen=True)
class PolicyChange:
    """One event: who changed which fields."""

    at: datetime
    by: str
    fields: list[str]  # "label: old, now new"


def changes(events: Iterable[AuditEvent]) -> list[PolicyChange]:
    """Return the changes that events describe, newest first; an event without a changed field is left out.

    A policy event holds all values, so it is compared with the event before it.
    """
    known, found = _defaults(), list[PolicyChange]()
    for event in sorted(events, key=lambda event: event.pk):
        after = {name: _new(value) for name, value in event.detail.items() if name in known}
        after |= {name: _new(value) for name, value in _admin_changes(event).items() if name in known}
        changed = [
            _sentence(name, known[name], value) for name, value in after.items() if known[name] != value
        ]
        known |= after
        if changed:
            found.append(PolicyChange(event.at, event.by.get_username() if event.by else "", changed))
    return found[::-1]


def _defaults() -> dict[str, Any]:
    return {name: ReadingPolicy._meta.get_field(name).get_default() for name in POLICY_FIELDS} | {
        name: Site._meta.get_field(name).get_default() for name in SITE_FIELDS
    }


def _admin_changes(event: AuditEvent) -> dict[str, Any]:
    changed = event.detail.get("changes")
    return changed if isinstance(changed, dict) else {}


def _new(value: Any) -> Any:
    """Return the new value of an old and a new one, as Django's admin records them."""
    return value["new"] if isinstance(value, dict) and "new" in value else value


def _sentence(name: str, old: Any, new: Any) -> str:
    label = PolicyForm.base_fields[name].label
    return _("%(label)s: %(old)s, now %(new)s") % {"label": label, "old": _text(old), "new": _text(new)}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)
