"""Errors that callers of ml handle; every message may be shown to a user."""

from __future__ import annotations


class UnreadableImage(ValueError):
    """Raised for a file that is not a usable radiograph; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BundleError(ValueError):
    """Raised for a bundle that is damaged, incomplete or inconsistent with its manifest."""
