"""Errors of monitoring."""

from __future__ import annotations

from diagnostics.errors import DomainError


class AlreadyAcknowledged(DomainError):
    """The alert was acknowledged before."""

    code = "already_acknowledged"
    status = 409
