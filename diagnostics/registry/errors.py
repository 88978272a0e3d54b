"""TODO: diagnostics.registry.errors."""

from __future__ import annotations

from diagnostics.errors import DomainError


class ReasonRequired(DomainError):
    """Nobody may change what is in force without saying why."""

    code = "reason_missing"


class AlreadyActive(DomainError):
    """The version is what new cases already get."""

    code = "already_active"


class NoPreviousVersion(DomainError):
    """No other version was in force before."""

    code = "nothing_to_roll_back_to"


class BundleDamaged(DomainError):
    """The files on disk are not those that were registered."""

    code = "files_damaged"


class OverrideRequired(DomainError):
    """The comparison rejected this version; it needs an explicit override."""

    code = "override_needed"


class ActiveVersionChanged(DomainError):
    """Somebody else changed what is in force at the same moment."""

    code = "just_changed"
