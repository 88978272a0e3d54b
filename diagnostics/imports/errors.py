"""Errors of imports, and the text shown for each failure and exclusion code."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.cases import upload_validation
from diagnostics.errors import DomainError

FAILURE_TEXTS: Final[dict[str, Promise]] = {
    "collection_gone": _("The collection is no longer on the server. Restore it, then resume the import."),
    "not_allowed": _(
        "The user who started this import no longer has the permission to import. Start a new import."
    ),
    "storage_full": _("The radiographs could not be stored. Check the disk, then resume the import."),
    "out_of_memory": _("The worker ran out of memory. Resume the import when the server is less busy."),
    "out_of_time": _(
        "One radiograph exceeded the worker's time limit. "
        "Resume the import; if it fails again, check the log."
    ),
    "worker_lost": _(
        "The worker stopped three times during this import. Check its log, then resume the import."
    ),
    "internal": _("An unexpected error occurred. Resume the import; if it fails again, check the log."),
}
FILE_ERROR_TEXTS: Final[dict[str, Promise]] = {
    "file_missing": _("The file no longer exists."),
    "file_unreadable": _("The file cannot be read."),
    "outside": _("The path leads outside the collection, or is a symbolic link."),
}
EXCLUSION_TEXTS: Final[dict[str, Promise]] = {
    "not-an-image": _("Not a PNG, JPEG or DICOM file."),
    "not-an-x-ray": _("Not an X-ray image."),
    "lateral": _("Lateral view."),
    "view-not-given": _("X-ray image without a stated view."),
    "finding-not-given": _("No finding stated."),
    "finding-not-known": _("The finding is not one of the classes of this system."),
    "two-findings": _("Listed more than once, with different findings."),
    "listed-twice": _("Listed more than once; imported once."),
    "file-missing": _("Listed, but the file does not exist."),
    "outside": FILE_ERROR_TEXTS["outside"],
    "mask": _("A segmentation mask, not a radiograph."),
}


def failure_text(code: str) -> str:
    """Return what the failure of an import means and what to do next."""
    return str(FAILURE_TEXTS.get(code, FAILURE_TEXTS["internal"]))


def file_error_text(code: str) -> str:
    """Return why one radiograph could not be imported."""
    return str(FILE_ERROR_TEXTS.get(code) or upload_validation.REASONS.get(code) or code)


def exclusion_text(reason: str) -> str:
    """Return why a file or a row of the collection is excluded."""
    return str(EXCLUSION_TEXTS.get(reason, reason))


class UnknownCollection(DomainError):
    """The selected folder, table or ZIP cannot be imported; the code names the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NothingToImport(DomainError):
    """No radiograph of the import is pending."""

    code = "nothing_pending"


class ImportAlreadyRunning(DomainError):
    """The import is queued or running."""

    code = "already_running"


class ImportNotRunning(DomainError):
    """The import is neither queued nor running."""

    code = "not_running"


class ImportAlreadyStarted(DomainError):
    """The import was started, so that its record cannot be discarded."""

    code = "already_started"
