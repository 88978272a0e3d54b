"""What an import leaves out, as a table that a spreadsheet may open."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

from diagnostics.csv import escape_formula
from diagnostics.imports import errors
from diagnostics.imports.models import ImportedFile

HEAD: Final = ("file", "code", "why", "count", "as the collection says")


def lines(reasons: Iterable[dict[str, Any]], refused: Iterable[ImportedFile]) -> Iterator[str]:
    """Write one line per reason with a few of its files, then one per radiograph that was not usable."""
    yield _line(HEAD)
    for left in reasons:
        details = "; ".join(f"{words}: {count}" for words, count in left["details"].items())
        files = ", ".join(left["examples"]) + (", ..." if left["count"] > len(left["examples"]) else "")
        yield _line(
            (files, left["reason"], errors.exclusion_text(left["reason"]), str(left["count"]), details)
        )
    for file in refused:
        yield _line((file.path, file.code, errors.file_error_text(file.code), "1", ""))


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([escape_formula(cell) for cell in cells])
    return out.getvalue()
