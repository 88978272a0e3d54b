"""Idempotency keys: a request that a script repeats is answered once and carried out once.

The steps follow the HTTP header field Idempotency-Key of the IETF (docs/adr/0038-api.md).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.integrations.errors.idempotency import InvalidKey, KeyReused, RequestInProgress
from diagnostics.integrations.models import IdempotentRequest

MAX_KEY: Final = 255  # characters
LIFETIME: Final = timedelta(hours=24)
LEASE: Final = timedelta(minutes=10)  # of a request that is being answered; its process may have died
MAX_BODY: Final = 256 * 1024  # characters


def begin(*, key: str, owner: UUID, path: str, by: User, now: datetime) -> IdempotentRequest:
    """Return the request of a key: a new one to carry out, or an earlier one with its answer.

    Raises InvalidKey, and RequestInProgress while the first request is being answered.
    """
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise InvalidKey(_("An idempotency key has 1 to 255 printable ASCII characters."))
    IdempotentRequest.objects.filter(expires_at__lte=now).delete()
    digest = sha256(key.encode()).hexdigest()
    try:
        with transaction.atomic():
            return IdempotentRequest.objects.create(
                user=by,
                owner=owner,
                key=digest,
                path=path[:255],
                locked_until=now + LEASE,
                expires_at=now + LIFETIME,
            )
    except IntegrityError:
        return _earlier(owner, digest, now)


def finish(*, request: IdempotentRequest, fingerprint: str, status: int, body: str) -> None:
    """Store the answer of a request; an answer that is too long is not stored, and the key becomes free."""
    if len(body) > MAX_BODY:
        abandon(request=request)
        return
    IdempotentRequest.objects.filter(pk=request.pk).update(fingerprint=fingerprint, status=status, body=body)


def abandon(*, request: IdempotentRequest) -> None:
    """Free the key of a request that was refused or failed: it can be sent again."""
    IdempotentRequest.objects.filter(pk=request.pk, status=None).delete()


def require_same(*, request: IdempotentRequest, fingerprint: str) -> None:
    """Raise KeyReused where an answered request differs from the one that is sent now."""
    if request.fingerprint != fingerprint:
        raise KeyReused(_("This idempotency key belongs to another request. Use a new key for each request."))


def _earlier(owner: UUID, digest: str, now: datetime) -> IdempotentRequest:
    stored = IdempotentRequest.objects.filter(owner=owner, key=digest).first()
    if stored is not None and stored.status is not None:
        return stored
    expired = IdempotentRequest.objects.filter(owner=owner, key=digest, status=None, locked_until__lte=now)
    if stored is None or not expired.update(locked_until=now + LEASE):
        raise RequestInProgress(
            _("The first request with this key is being answered. Repeat it in a moment.")
        )
    return stored
