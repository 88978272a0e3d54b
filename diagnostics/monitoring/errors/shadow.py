"""Errors of shadow runs."""

from __future__ import annotations

from diagnostics.errors import DomainError


class ShadowRunning(DomainError):
    """A shadow run is open."""

    code = "shadow_running"
    status = 409


class NoShadowRunning(DomainError):
    """The version has no open shadow run."""

    code = "no_shadow_running"
    status = 409


class VersionIsActive(DomainError):
    """The active version cannot run in shadow of itself."""

    code = "version_is_active"
    status = 409


class NothingToCompare(DomainError):
    """No version is active."""

    code = "no_active_version"
    status = 409


class VersionDamaged(DomainError):
    """The stored files of the version are missing or damaged."""

    code = "files_damaged"
    status = 409
