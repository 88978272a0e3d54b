"""Tables of text: read whole, small, and with their own separators."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Final

from ml.images.size_limits import MAX_FILE_BYTES
from ml.importers.records import UnreadableCollection

LONGEST_HEADER: Final = 16_384
SEPARATORS: Final = (",", ";", "\t")

Row = dict[str, str]


def header(path: Path) -> tuple[str, ...]:
    """Return a table's column names in small letters; none if the file is no table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline(LONGEST_HEADER)
        names = next(csv.reader([line], delimiter=_separator(line)), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()
    return tuple(name.strip().casefold() for name in names)


def rows(path: Path) -> list[Row]:
    """Read a table into rows of trimmed text under small-lettered names; raises UnreadableCollection."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnreadableCollection("table_too_large", "This table is larger than 64 MB.")
        text = path.read_text(encoding="utf-8-sig")
        columns = header(path)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text.split("\n", 1)[0]))
        next(lines, None)
        return [_row(columns, cells) for cells in lines if any(cell.strip() for cell in cells)]
    except UnicodeDecodeError as trouble:
        raise UnreadableCollection("table_not_utf8", "This table is not text in UTF-8.") from trouble
    except (OSError, csv.Error) as trouble:
        raise UnreadableCollection("table_damaged", "This table cannot be read.") from trouble


def _row(columns: tuple[str, ...], cells: list[str]) -> Row:
    padded = [*cells, *[""] * len(columns)]
    return {name: cell.strip() for name, cell in zip(columns, padded, strict=False)}


def _separator(line: str) -> str:
    return max(SEPARATORS, key=line.count)
