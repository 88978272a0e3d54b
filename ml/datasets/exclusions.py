"""Radiographs that are excluded from a data set."""

from __future__ import annotations

from dataclasses import dataclass

from ml.records import LabelledImage


@dataclass(frozen=True)
class Exclusion:
    """An excluded radiograph; the reason is an error code of ml or a phrase in English."""

    radiograph: LabelledImage
    reason: str


def reason_of(error: Exception) -> str:
    """Return the code of an error that a file raised, `unreadable` if it has none."""
    return str(getattr(error, "code", "unreadable"))
