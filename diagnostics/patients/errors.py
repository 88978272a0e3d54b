"""Errors of patients; users may read their messages."""

from __future__ import annotations

from diagnostics.errors import DomainError


class AlreadyResolved(DomainError):
    """The conflict was resolved before."""

    code = "already_resolved"
    status = 409


class UnknownResolution(DomainError):
    """The conflict cannot be resolved in this way."""

    code = "unknown_resolution"


class ReasonRequired(DomainError):
    """A resolution needs a reason."""

    code = "reason_missing"
