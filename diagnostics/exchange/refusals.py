"""How imports say no: each with a code for scripts and a sentence for people."""

from __future__ import annotations

from diagnostics.base import DomainError


class NoCollection(DomainError):
    """What was chosen cannot be imported; the code says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NothingWaits(DomainError):
    """Every film of this import has its ending."""

    code = "nothing_waits"


class AlreadyUnderWay(DomainError):
    """The import is being brought in now."""

    code = "already_under_way"


class NotUnderWay(DomainError):
    """There is nothing to stop."""

    code = "not_under_way"


class AlreadyBegun(DomainError):
    """Films of this import have come in; it stays on record."""

    code = "already_begun"
