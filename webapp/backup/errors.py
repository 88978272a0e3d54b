"""Errors of backup and restore."""

from __future__ import annotations

from diagnostics.errors import DomainError


class BackupFailed(DomainError):
    """The backup was not written; the message says why."""

    code = "backup_failed"


class DamagedBackup(DomainError):
    """The archive is incomplete or altered; the message names the file."""

    code = "backup_damaged"


class RestoreRefused(DomainError):
    """The archive is sound but does not fit this installation; nothing was changed."""

    code = "restore_refused"
