"""The request of a webhook by the Standard Webhooks scheme: id, timestamp and signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import datetime
from typing import Final
from uuid import UUID

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - of the scheme
SECRET_BYTES: Final = 32


def new_secret() -> str:
    """Return a random secret of 256 bits in the form of the scheme."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def body_of(*, event: str, occurred_at: datetime, subject: str, subject_id: str) -> bytes:
    """Return the body of an event: its type, time, and the kind and id of its object; no patient data."""
    data = {"kind": subject, "id": subject_id}
    return json.dumps(
        {"type": event, "timestamp": occurred_at.isoformat(), "data": data}, separators=(",", ":")
    ).encode()


def headers_of(*, secret: str, event_id: UUID, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a request; the signature covers id, timestamp and body."""
    message_id, timestamp = f"msg_{event_id.hex}", str(int(now.timestamp()))
    return {
        "Content-Type": "application/json",
        "User-Agent": "Readroom-Webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{_signature(secret, f'{message_id}.{timestamp}.'.encode() + body)}",
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
