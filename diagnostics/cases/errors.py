"""Why a classification failed: one sentence for each code, what happened and what to do."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.errors import DomainError

FAILURE_TEXTS: Final[dict[str, Promise]] = {
    "radiograph_missing": _(
        "The stored radiograph could not be read. Ask an administrator to look at the storage, then try again."
    ),
    "model_unavailable": _(
        "No model version is in force. Ask an administrator to promote one, then try again."
    ),
    "model_damaged": _(
        "The files of the model version in force are missing or damaged. "
        "Ask an administrator to restore them or to promote another version, then try again."
    ),
    "out_of_memory": _(
        "The worker had too little memory for this radiograph. Try again when less is running, "
        "or ask an administrator for more memory."
    ),
    "out_of_time": _("The worker took too long and was stopped. Try again when less is running."),
    "storage_full": _(
        "The heat map could not be stored. Ask an administrator to look at the disk, then try again."
    ),
    "worker_lost": _(
        "The worker stopped three times while it worked on this radiograph. "
        "Ask an administrator to look at the worker's log, then try again."
    ),
    "already_predicted": _(
        "This model version had answered for this radiograph already; that answer stands."
    ),
    "internal": _(
        "Something went wrong that nobody foresaw. Try again; if it fails again, tell an administrator."
    ),
}


def failure_text(code: str) -> str:
    """Say in the reader's language what a failure means and what to do."""
    return str(FAILURE_TEXTS.get(code, FAILURE_TEXTS["internal"]))


class UnusableRadiograph(DomainError):
    """The file is no radiograph that can be read; the code says why."""

    status = 400

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class InvalidField(DomainError):
    """What was written beside the radiograph cannot be taken as it is; the code names the entry."""

    status = 400

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RadiographOfAnotherPatient(DomainError):
    """The same pixels are kept under another patient reference."""

    code = "radiograph_of_another_patient"
    status = 409


class StorageUnavailable(DomainError):
    """The disk is full, read-only or away."""

    code = "storage_unavailable"
    status = 503


class AlreadyRunning(DomainError):
    """The machine is at work on this case."""

    code = "already_running"
    status = 409


class AlreadyPredicted(DomainError):
    """The version in force has answered for this case."""

    code = "already_predicted"
    status = 409


class NoActiveVersion(DomainError):
    """There is no network that could answer."""

    code = "no_active_version"
    status = 409


class NoFreeReference(DomainError):
    """No made-up reference was free."""

    code = "no_free_reference"
    status = 409
