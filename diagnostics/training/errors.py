"""Errors of training, and the text shown for each failure code."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.errors import DomainError
from diagnostics.jobs.errors import failure_code_of
from ml.errors import BundleError

LEAKS_FOUND: Final = "leaks_found"

FAILURE_TEXTS: Final[dict[str, Promise]] = {
    "too_few_cases": _(
        "There are too few radiographs with findings for a training and a test set. "
        "Sign more readings or import more radiographs, then start again."
    ),
    LEAKS_FOUND: _(
        "The leak and shortcut checks stopped this run before the training. Correct the cases named below, "
        "or start again with a written reason."
    ),
    "data_damaged": _(
        "Stored radiographs are missing or damaged, and the remaining ones are too few. "
        "Restore the storage from a backup, then start again."
    ),
    "version_damaged": _(
        "The files of the active version are missing or damaged. "
        "Restore them from a backup or promote another version, then start again."
    ),
    "no_active_version": _("No model version is active. Promote a version, then start again."),
    "stopped_without_result": _(
        "The run was stopped before the end of its first epoch, so that there is no result."
    ),
    "no_usable_network": _(
        "Training produced no usable network from these radiographs. "
        "Try a lower learning rate or another recipe."
    ),
    "out_of_memory": _(
        "The worker ran out of memory. Choose a smaller batch size, "
        "or start again when the server is less busy."
    ),
    "out_of_time": _(
        "The run exceeded the worker's time limit. "
        "Choose fewer epochs or a smaller network, then start again."
    ),
    "storage_full": _("The results could not be stored. Check the disk, then start again."),
    "worker_lost": _(
        "The worker ended unexpectedly three times in a row without completing a further epoch. "
        "Check the training worker's log, then resume the run or start again."
    ),
    "internal": _(
        "An unexpected error occurred. Start again; if it fails again, check the training worker's log."
    ),
}


def failure_text(code: str) -> str:
    """Return what the failure of a run means and what to do next."""
    return str(FAILURE_TEXTS.get(code, FAILURE_TEXTS["internal"]))


def run_failure_code(error: Exception) -> str:
    """Return the failure code of an exception raised during a run."""
    if isinstance(error, BundleError):
        return "version_damaged"  # the candidate's own files were written a moment ago
    return "storage_full" if isinstance(error, OSError) else failure_code_of(error)


class InvalidParameters(DomainError):
    """A training parameter is out of range."""

    code = "invalid_parameters"


class ReasonTooShort(DomainError):
    """The reason to train in spite of the leak and shortcut checks is too short."""

    code = "reason_required"


class TooFewLabels(DomainError):
    """Too few patients have findings for training."""

    code = "too_few_labels"
    status = 409


class Unchanged(DomainError):
    """The last run had the same labels, parameters and active version."""

    code = "unchanged"
    status = 409


class AlreadyTraining(DomainError):
    """Another run is queued or running."""

    code = "already_training"
    status = 409


class NoActiveVersion(DomainError):
    """There is no active version to compare a candidate with."""

    code = "no_active_version"
    status = 409


class TooFewNewFindings(DomainError):
    """There are fewer new findings than the schedule requires."""

    code = "too_few_new"
    status = 409


class RunNotRunning(DomainError):
    """The run has finished."""

    code = "not_running"


class NoCheckpoints(DomainError):
    """The run has not failed, or it has no checkpoints."""

    code = "no_checkpoints"


class MlflowMissing(DomainError):
    """The optional client of MLflow is not installed."""

    code = "mlflow_missing"


class InvalidSchedule(DomainError):
    """A value of the schedule is out of range."""

    code = "invalid_schedule"
