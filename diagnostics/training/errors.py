"""Why a training failed: for each code one sentence, what happened and what to do."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.errors import DomainError
from diagnostics.jobs.errors import failure_code_of
from ml.records import BundleError

FAILURE_TEXTS: Final[dict[str, Promise]] = {
    "too_few_cases": _(
        "There are too few radiographs with findings to learn from and to test on. "
        "Have more radiographs read, or import more, then start again."
    ),
    "data_damaged": _(
        "Stored radiographs are missing or damaged, and too few are left to learn from. "
        "Restore the storage from a backup, then start again."
    ),
    "version_damaged": _(
        "The files of the version in force are missing or damaged. "
        "Restore them from a backup or promote another version, then start again."
    ),
    "no_active_version": _("No model version is in force to start from. Promote one, then start again."),
    "stopped_without_result": _(
        "The run was stopped before its first epoch was complete, so there is nothing to keep. "
        "Start again when there is time for it."
    ),
    "no_usable_network": _(
        "The network learnt nothing usable from these radiographs. Try a lower rate or another recipe."
    ),
    "out_of_memory": _(
        "The worker had too little memory. Choose a smaller batch, or start again when less is running."
    ),
    "out_of_time": _(
        "The run took longer than a worker may work. "
        "Choose fewer epochs or a smaller network, then start again."
    ),
    "storage_full": _("The results could not be stored. Look at the disk, then start again."),
    "worker_lost": _(
        "The worker stopped three times during this run. Look at the training worker's log, then start again."
    ),
    "internal": _(
        "Something went wrong that nobody foresaw. "
        "Start again; if it fails again, look at the training worker's log."
    ),
}


def failure_text(code: str) -> str:
    """Say in the reader's language what a failure means and what to do."""
    return str(FAILURE_TEXTS.get(code, FAILURE_TEXTS["internal"]))


def run_failure_code(error: Exception) -> str:
    """Name the failure that an error in the work comes to."""
    if isinstance(error, BundleError):
        return "version_damaged"  # the candidate's own files were written a moment ago
    return "storage_full" if isinstance(error, OSError) else failure_code_of(error)


class InvalidParameters(DomainError):
    """A setting is outside what training can work with."""

    code = "unusable_parameters"


class TooFewLabels(DomainError):
    """Too few patients carry a finding to learn from."""

    code = "too_few_labels"


class AlreadyTraining(DomainError):
    """One run at a time."""

    code = "already_training"


class NoActiveVersion(DomainError):
    """There is no version to compare a candidate with."""

    code = "no_active_version"


class TooFewNewReadings(DomainError):
    """The schedule waits for more new findings."""

    code = "too_few_new"


class RunNotRunning(DomainError):
    """The run is over."""

    code = "not_running"


class InvalidSchedule(DomainError):
    """A value of the schedule is out of range."""

    code = "unusable_schedule"
