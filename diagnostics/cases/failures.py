"""Why a classification failed: one sentence for each code, what happened and what to do."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SENTENCES: Final[dict[str, Promise]] = {
    "film_missing": _(
        "The stored film could not be read. Ask an administrator to look at the storage, then try again."
    ),
    "no_model": _("No model version is in force. Ask an administrator to promote one, then try again."),
    "model_damaged": _(
        "The files of the model version in force are missing or damaged. "
        "Ask an administrator to restore them or to promote another version, then try again."
    ),
    "out_of_memory": _(
        "The worker had too little memory for this film. Try again when less is running, "
        "or ask an administrator for more memory."
    ),
    "out_of_time": _("The worker took too long and was stopped. Try again when less is running."),
    "no_room": _(
        "The heat map could not be stored. Ask an administrator to look at the disk, then try again."
    ),
    "worker_died": _(
        "The worker stopped three times while it worked on this film. "
        "Ask an administrator to look at the worker's log, then try again."
    ),
    "answered_before": _("This model version had answered for this film already; that answer stands."),
    "internal": _(
        "Something went wrong that nobody foresaw. Try again; if it fails again, tell an administrator."
    ),
}


def sentence(code: str) -> str:
    """Say in the reader's language what a failure means and what to do."""
    return str(SENTENCES.get(code, SENTENCES["internal"]))
