"""Excluded and unusable files of an import, for its page and for download as a CSV table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from diagnostics.csv import escape_formula
from diagnostics.imports import errors
from diagnostics.imports.models import ImportedFile

HEADER: Final = ("file", "code", "reason", "count", "as stated by the collection")


@dataclass(frozen=True)
class ExclusionRow:
    """The files excluded for one reason."""

    reason: str
    examples: str  # file names, separated by commas
    count: int


@dataclass(frozen=True)
class UnusableRow:
    """One radiograph that could not be imported."""

    path: str
    code: str
    reason: str


def exclusion_rows(exclusions: Iterable[dict[str, Any]]) -> list[ExclusionRow]:
    """Return one row for each reason."""
    return [
        ExclusionRow(
            errors.exclusion_text(exclusion["reason"]), ", ".join(exclusion["examples"]), exclusion["count"]
        )
        for exclusion in exclusions
    ]


def unusable_rows(files: Iterable[ImportedFile]) -> list[UnusableRow]:
    """Return one row for each unusable radiograph."""
    return [UnusableRow(file.path, file.code, errors.file_error_text(file.code)) for file in files]


def csv_lines(exclusions: Iterable[dict[str, Any]], unusable: Iterable[ImportedFile]) -> Iterator[str]:
    """Yield one line for each reason with example files, then one for each unusable radiograph."""
    yield _line(HEADER)
    for exclusion in exclusions:
        reason, count = exclusion["reason"], exclusion["count"]
        details = "; ".join(f"{detail}: {number}" for detail, number in exclusion["details"].items())
        files = ", ".join(exclusion["examples"]) + (", ..." if count > len(exclusion["examples"]) else "")
        yield _line((files, reason, errors.exclusion_text(reason), str(count), details))
    for file in unusable:
        yield _line((file.path, file.code, errors.file_error_text(file.code), "1", ""))


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([escape_formula(cell) for cell in cells])
    return out.getvalue()
