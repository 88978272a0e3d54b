"""Errors of promotions."""

from __future__ import annotations

from diagnostics.errors import DomainError


class ReasonRequired(DomainError):
    """The active version cannot be changed without a reason."""

    code = "reason_missing"


class AlreadyActive(DomainError):
    """The version is already active."""

    code = "already_active"


class NoPreviousVersion(DomainError):
    """No other version was active before."""

    code = "nothing_to_roll_back_to"


class BundleDamaged(DomainError):
    """The stored files differ from the registered ones."""

    code = "files_damaged"


class OverrideRequired(DomainError):
    """The promotion gate rejected the version; its promotion needs an explicit override."""

    code = "override_needed"


class ActiveVersionChanged(DomainError):
    """A concurrent request changed the active version."""

    code = "just_changed"
