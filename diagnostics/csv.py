"""Lines of CSV files, and cells that are safe in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

FORMULA_PREFIXES: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_line(cells: Iterable[Any]) -> str:
    """Return the cells as one line of CSV, with its line ending."""
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def escape_formula(cell: str) -> str:
    """Return the cell so that no spreadsheet evaluates it as a formula."""
    return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA_PREFIXES) else cell
