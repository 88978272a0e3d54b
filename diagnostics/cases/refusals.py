"""How cases say no: each with a code for scripts and a sentence for people."""

from __future__ import annotations

from diagnostics.base import DomainError


class UnusableFilm(DomainError):
    """The file is no radiograph that can be read; the code says why."""

    status = 400

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class IncompleteOrder(DomainError):
    """What was written beside the film cannot be taken as it is; the code names the entry."""

    status = 400

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class FilmOfAnotherPatient(DomainError):
    """The same pixels are kept under another patient reference."""

    code = "film_of_another_patient"
    status = 409


class StorageTrouble(DomainError):
    """The disk is full, read-only or away."""

    code = "storage_trouble"
    status = 503


class AlreadyRunning(DomainError):
    """The machine is at work on this case."""

    code = "already_running"
    status = 409


class AlreadyAnswered(DomainError):
    """The version in force has answered for this case."""

    code = "already_answered"
    status = 409


class NoVersionInForce(DomainError):
    """There is no network that could answer."""

    code = "no_version_in_force"
    status = 409


class NoFreeReference(DomainError):
    """No made-up reference was free."""

    code = "no_free_reference"
    status = 409
