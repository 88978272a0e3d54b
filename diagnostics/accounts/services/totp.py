"""Codes of authenticator apps (RFC 6238: six digits, SHA-1, 30 seconds) and their encrypted keys."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Final

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.utils.crypto import constant_time_compare

from diagnostics.accounts.models import User

STEP: Final = 30  # seconds
DRIFT: Final = 1  # steps that the clock of a telephone may differ
ISSUER: Final = "Readroom"


def new_key() -> str:
    """Return a random key of 160 bits in base 32."""
    return pyotp.random_base32()


def provisioning_uri(user: User, key: str) -> str:
    """Return the URI that an authenticator app reads from a QR code."""
    return pyotp.TOTP(key, interval=STEP).provisioning_uri(name=user.username, issuer_name=ISSUER)


def matching_step(*, key: str, code: str, after: int, now: datetime) -> int | None:
    """Return the time step of a code later than the step `after`, or None for a wrong or repeated code."""
    current, generator = int(now.timestamp()) // STEP, pyotp.TOTP(key, interval=STEP)
    return next(
        (
            step
            for step in range(current - DRIFT, current + DRIFT + 1)
            if step > after and constant_time_compare(generator.generate_otp(step), code)
        ),
        None,
    )


def encrypted(key: str) -> str:
    """Return a key as it is stored."""
    return _cipher(settings.SECRET_KEY).encrypt(key.encode()).decode()


def decrypted(stored: str) -> str | None:
    """Return a stored key, or None when SECRET_KEY was replaced without SECRET_KEY_FALLBACKS."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return _cipher(secret).decrypt(stored.encode()).decode()
        except InvalidToken:
            continue
    return None


def _cipher(secret: str) -> Fernet:
    digest = hashlib.sha256(b"diagnostics.accounts.totp" + secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
