"""Errors of staged uploads."""

from __future__ import annotations

from diagnostics.errors import DomainError


class ListFull(DomainError):
    """The user's list has as many files or bytes as are permitted."""

    code = "upload_list_full"
    status = 409


class UnusableArchive(DomainError):
    """The ZIP is damaged, too large or not permitted; `code` is the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class FileGone(DomainError):
    """The staged file was deleted."""

    code = "staged_file_missing"
    status = 410


class AlreadySent(DomainError):
    """The radiograph has been sent and its row cannot be changed."""

    code = "already_sent"
    status = 409
