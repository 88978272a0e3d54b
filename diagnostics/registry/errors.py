"""Errors of promotions."""

from __future__ import annotations

from diagnostics.errors import DomainError


class ReasonRequired(DomainError):
    """The active version cannot be changed without a reason."""

    code = "reason_missing"


class AlreadyActive(DomainError):
    """The version is already active."""

    code = "already_active"
    status = 409


class NoPreviousVersion(DomainError):
    """No other version was active before."""

    code = "nothing_to_roll_back_to"
    status = 409


class BundleDamaged(DomainError):
    """The stored files differ from the registered ones."""

    code = "files_damaged"
    status = 409


class GateNotPassed(DomainError):
    """The promotion gate was not passed, and no override names each failed rule and check."""

    code = "gate_not_passed"
    status = 409


class SecondPersonRequired(DomainError):
    """Who requested the training of a version may not promote it."""

    code = "second_person_required"
    status = 403


class ActiveVersionChanged(DomainError):
    """A concurrent request changed the active version."""

    code = "just_changed"
    status = 409


class OperatingPointUnavailable(DomainError):
    """The requested operating point is out of range, or the test set has no such threshold."""

    code = "operating_point_unavailable"
