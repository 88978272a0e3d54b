"""Encryption of secrets that are needed again, such as those that sign webhooks."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings


def encrypted(secret: str) -> str:
    """Return a secret as it is stored."""
    return _cipher(settings.SECRET_KEY).encrypt(secret.encode()).decode()


def decrypted(stored: str) -> str | None:
    """Return a stored secret, or None when SECRET_KEY was replaced without SECRET_KEY_FALLBACKS."""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return _cipher(key).decrypt(stored.encode()).decode()
        except InvalidToken:
            continue
    return None


def _cipher(key: str) -> Fernet:
    digest = hashlib.sha256(b"diagnostics.integrations" + key.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
