"""Errors that callers of ml handle; every message may be shown to a user."""

from __future__ import annotations


class UnreadableImage(ValueError):
    """Raised for a file that is not a usable radiograph; `code` is stable.

    `cause` names an unexpected error and its place in the code for the log, without any content of the file.
    """

    def __init__(self, code: str, message: str, *, cause: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.cause = cause


class DecoderBusy(Exception):
    """Raised when no decoding slot becomes free in time; the file was not read."""


class BundleError(ValueError):
    """Raised for a bundle that is damaged, incomplete or inconsistent with its manifest."""
