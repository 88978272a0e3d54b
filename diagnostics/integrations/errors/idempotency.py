"""Errors of requests with an idempotency key."""

from __future__ import annotations

from diagnostics.errors import DomainError


class InvalidKey(DomainError):
    """The idempotency key is empty, too long or not printable."""

    code = "invalid_idempotency_key"


class KeyReused(DomainError):
    """The idempotency key belongs to another request."""

    code = "idempotency_key_reused"
    status = 422


class RequestInProgress(DomainError):
    """The first request with this idempotency key has not been answered yet."""

    code = "request_in_progress"
    status = 409
    retry_after = 2
