"""The hash chain of the audit log: the canonical content of an event, and the hash that seals it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import Any, Final

from diagnostics.audit.models import AuditEvent

FIRST_PREVIOUS: Final = "0" * 64  # stands for the hash before the first event


def content(event: AuditEvent) -> dict[str, Any]:
    """Return everything that the hash of an event covers, as values of JSON."""
    return {
        "position": event.position,
        "id": event.pk,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "by": str(event.by_id) if event.by_id else None,
        "action": event.action,
        "target_kind": event.target_kind,
        "target_id": event.target_id,
        "site": str(event.site) if event.site else None,
        "detail": event.detail,
    }


def hash_of(event: AuditEvent, *, previous: str) -> str:
    """Return the SHA-256 over the previous hash, a line feed and the canonical JSON of an event."""
    text = json.dumps(content(event), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()
