"""Errors of cases, and the text of each failure code of a prediction."""

from __future__ import annotations

from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.errors import DomainError
from diagnostics.errors import StorageUnavailable as StorageUnavailable

FAILURE_TEXTS: Final[dict[str, Promise]] = {
    "radiograph_missing": _(
        "The stored radiograph could not be read. "
        "Ask an administrator to check the storage, then run AI again."
    ),
    "model_unavailable": _(
        "No model version is active. Ask an administrator to promote one, then run AI again."
    ),
    "model_damaged": _(
        "The files of the active model version are missing or damaged. "
        "Ask an administrator to restore them or to promote another version, then run AI again."
    ),
    "out_of_memory": _(
        "The worker had too little memory for this radiograph. Run AI again when the load is lower, "
        "or ask an administrator for more memory."
    ),
    "out_of_time": _(
        "The worker exceeded the time limit and was stopped. Run AI again when the load is lower."
    ),
    "storage_full": _(
        "The heatmap could not be stored. Ask an administrator to check the disk, then run AI again."
    ),
    "worker_lost": _(
        "The worker stopped three times while it processed this radiograph. "
        "Ask an administrator to check the worker's log, then run AI again."
    ),
    "already_predicted": _(
        "This model version already has a result for this radiograph. That result remains valid."
    ),
    "withdrawn": _("The case was withdrawn before its AI result was computed. Reinstate it to run AI."),
    "internal": _(
        "An unexpected error occurred. Run AI again; if it fails again, report it to an administrator."
    ),
}


def failure_text(code: str) -> str:
    """Return what a failure code means and what to do, in the user's language."""
    return str(FAILURE_TEXTS.get(code, FAILURE_TEXTS["internal"]))


class UnusableRadiograph(DomainError):
    """The file is not a readable radiograph; `code` is the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class InvalidField(DomainError):
    """A field of the upload is invalid; `code` names the field."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RadiographOfAnotherPatient(DomainError):
    """The site has the same pixels under another patient reference."""

    code = "radiograph_of_another_patient"
    status = 409


class IdentityMismatch(DomainError):
    """Form and file contradict, and nobody has decided; `contradictions` holds the values."""

    status = 409

    def __init__(self, code: str, message: str, contradictions: tuple[Any, ...]) -> None:
        super().__init__(message)
        self.code = code
        self.contradictions = contradictions
        self.shows_values = False  # they may identify the patient

    def members(self) -> dict[str, Any]:
        """Return the contradictions; their values only once `shows_values` is set."""
        shown = ("field", "form", "file") if self.shows_values else ("field",)
        found = [{name: getattr(one, name) for name in shown} for one in self.contradictions]
        return {"contradictions": found}


class CaseWithdrawn(DomainError):
    """The case was withdrawn: it is neither read nor scored."""

    code = "case_withdrawn"
    status = 409


class NothingToCorrect(DomainError):
    """The correction would change nothing."""

    code = "nothing_to_correct"


class ImageUnavailable(DomainError):
    """The stored file of an image is missing, damaged or unreadable."""

    code = "file_damaged"
    status = 503


class ServerBusy(DomainError):
    """All decoding slots of the host are in use."""

    code = "busy"
    status = 503
    retry_after = 5


class AlreadyRunning(DomainError):
    """A prediction of this case is queued or running."""

    code = "already_running"
    status = 409


class AlreadyPredicted(DomainError):
    """The active version already has a prediction for this case."""

    code = "already_predicted"
    status = 409


class NoActiveVersion(DomainError):
    """No model version is active."""

    code = "no_active_version"
    status = 409


class NotStopped(DomainError):
    """The quality gate has not stopped the newest prediction of the case."""

    code = "not_stopped"
    status = 409


class NoFreeReference(DomainError):
    """No unused synthetic reference was found."""

    code = "no_free_reference"
    status = 409
