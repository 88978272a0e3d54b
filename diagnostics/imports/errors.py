"""Why an import failed, and why a radiograph or a row was left out: for each code one sentence."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.cases import upload_validation
from diagnostics.errors import DomainError

FAILURE_TEXTS: Final[dict[str, Promise]] = {
    "collection_gone": _("The collection is not on the server any more. Put it there again, then go on."),
    "not_allowed": _("The person who began this import may not import any more. Begin it anew."),
    "storage_full": _("The radiographs could not be stored. Look at the disk, then go on."),
    "out_of_memory": _("The worker had too little memory. Go on when less is running."),
    "out_of_time": _(
        "One radiograph took longer than a worker may work. Go on; if it fails again, look at the log."
    ),
    "worker_lost": _("The worker stopped three times during this import. Look at its log, then go on."),
    "internal": _("Something went wrong that nobody foresaw. Go on; if it fails again, look at the log."),
}
FILE_ERROR_TEXTS: Final[dict[str, Promise]] = {
    "file_missing": _("The file is not there any more."),
    "file_unreadable": _("The file cannot be read."),
    "outside": _("The path leads out of the collection, or is a link."),
}
EXCLUSION_TEXTS: Final[dict[str, Promise]] = {
    "not-an-image": _("Not a PNG, JPEG or DICOM file."),
    "not-an-x-ray": _("Not an X-ray."),
    "lateral": _("A lateral view."),
    "view-not-given": _("An X-ray whose view is not given."),
    "finding-not-given": _("The finding is not given."),
    "finding-not-known": _("The finding is none that can be learnt."),
    "two-findings": _("Listed more than once, with different findings."),
    "listed-twice": _("Listed more than once; taken once."),
    "file-missing": _("Listed, but the file is not there."),
    "outside": _("The path leads out of the collection, or is a link."),
    "mask": _("A mask, not a radiograph."),
}


def failure_text(code: str) -> str:
    """Say what a failure of the whole import means and what to do."""
    return str(FAILURE_TEXTS.get(code, FAILURE_TEXTS["internal"]))


def file_error_text(code: str) -> str:
    """Say why one radiograph could not be brought in."""
    return str(FILE_ERROR_TEXTS.get(code) or upload_validation.REASONS.get(code) or code)


def exclusion_text(reason: str) -> str:
    """Say why a file or a row of the collection takes no part."""
    return str(EXCLUSION_TEXTS.get(reason, reason))


class UnknownCollection(DomainError):
    """What was chosen cannot be imported; the code says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NothingToImport(DomainError):
    """Every radiograph of this import has its ending."""

    code = "nothing_waits"


class ImportAlreadyRunning(DomainError):
    """The import is being brought in now."""

    code = "already_under_way"


class ImportNotRunning(DomainError):
    """There is nothing to stop."""

    code = "not_under_way"


class ImportAlreadyStarted(DomainError):
    """Radiographs of this import have come in; it stays on record."""

    code = "already_begun"
