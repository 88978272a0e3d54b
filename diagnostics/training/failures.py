"""Why a training failed: for each code one sentence, what happened and what to do."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.base import trouble_code
from ml.records import BundleError

SENTENCES: Final[dict[str, Promise]] = {
    "too_few_cases": _(
        "There are too few films with findings to learn from and to test on. "
        "Have more films read, or import more, then start again."
    ),
    "data_damaged": _(
        "Stored films are missing or damaged, and too few are left to learn from. "
        "Restore the storage from a backup, then start again."
    ),
    "version_damaged": _(
        "The files of the version in force are missing or damaged. "
        "Restore them from a backup or promote another version, then start again."
    ),
    "no_version_in_force": _("No model version is in force to start from. Promote one, then start again."),
    "stopped_without_result": _(
        "The run was stopped before its first epoch was complete, so there is nothing to keep. "
        "Start again when there is time for it."
    ),
    "nothing_learnt": _(
        "The network learnt nothing usable from these films. Try a lower rate or another recipe."
    ),
    "out_of_memory": _(
        "The worker had too little memory. Choose a smaller batch, or start again when less is running."
    ),
    "out_of_time": _(
        "The run took longer than a worker may work. "
        "Choose fewer epochs or a smaller network, then start again."
    ),
    "no_room": _("The results could not be stored. Look at the disk, then start again."),
    "worker_lost": _(
        "The worker stopped three times during this run. Look at the training worker's log, then start again."
    ),
    "internal": _(
        "Something went wrong that nobody foresaw. "
        "Start again; if it fails again, look at the training worker's log."
    ),
}


def sentence(code: str) -> str:
    """Say in the reader's language what a failure means and what to do."""
    return str(SENTENCES.get(code, SENTENCES["internal"]))


def code_of(error: Exception) -> str:
    """Name the failure that an error in the work comes to."""
    if isinstance(error, BundleError):
        return "version_damaged"  # the candidate's own files were written a moment ago
    return "no_room" if isinstance(error, OSError) else trouble_code(error)
