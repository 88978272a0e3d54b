"""Errors of DICOM nodes, and the text of each failure code of a delivery."""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.errors import DomainError

FAILURE_TEXTS: Final[dict[str, Promise]] = {
    "node_unreachable": _("The node does not answer. Check its host, port and AE title; it is tried again."),
    "node_busy": _("The node answered that it lacks resources; it is tried again."),
    "node_refused": _(
        "The node refused the object. Check that it accepts such objects from this AE title, then retry."
    ),
    "result_missing": _("The heatmap of the AI result is missing or damaged. Run AI again, then retry."),
    "case_withdrawn": _("The case was withdrawn before its result was sent. Nothing was sent."),
    "node_inactive": _("The node was deactivated before the exchange. Activate it, then retry."),
    "out_of_time": _("The worker exceeded the time limit and was stopped. Retry when the load is lower."),
    "out_of_memory": _("The worker had too little memory. Retry when the load is lower."),
    "worker_lost": _("The worker stopped three times. Ask an administrator to check its log, then retry."),
    "listener_off": _("The DICOM listener is off, so no study can be received. Set READROOM_DICOM_PORT."),
    "internal": _("An unexpected error occurred. Retry; if it fails again, report it to an administrator."),
}


def failure_text(code: str) -> str:
    """Return what a failure code means and what to do, in the user's language."""
    return str(FAILURE_TEXTS.get(code, FAILURE_TEXTS["internal"]))


class NodeError(DomainError):
    """A node did not do what it was asked; `code` is a key of FAILURE_TEXTS."""

    status = 502

    def __init__(self, code: str) -> None:
        super().__init__(failure_text(code))
        self.code = code


class NodePassingError(NodeError):
    """The node may do it later."""


class NotRetryable(DomainError):
    """Only a failed delivery can be queued again."""

    code = "not_retryable"
    status = 409


class InvalidNode(DomainError):
    """A value of a node is invalid."""

    code = "invalid_node"


class ListenerOff(DomainError):
    """A study can be retrieved only while the listener receives it."""

    code = "listener_off"
    status = 409
