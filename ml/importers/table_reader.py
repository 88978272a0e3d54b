"""Reading of CSV tables of limited size with comma, semicolon or tab as separator."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Final

from ml.images.size_limits import MAX_FILE_BYTES
from ml.importers.records import UnreadableCollection

MAX_HEADER_CHARACTERS: Final = 16_384
MAX_CELLS: Final = 8_000_000  # a row has a value of every column, however short its line; 1 GB at most
SEPARATORS: Final = (",", ";", "\t")

Row = dict[str, str]


def header(path: Path) -> tuple[str, ...]:
    """Return a table's column names in lower case; none if the file is not a table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline(MAX_HEADER_CHARACTERS)
        names = next(csv.reader([line], delimiter=_separator(line)), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()
    return tuple(name.strip().casefold() for name in names)


def rows(path: Path) -> list[Row]:
    """Return rows of trimmed text by lower-case column name; raises UnreadableCollection."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnreadableCollection("table_too_large", "This table is larger than 64 MB.")
        text = path.read_text(encoding="utf-8-sig")
        columns = header(path)
        if len(columns) * max(map(text.count, "\r\n")) > MAX_CELLS:
            limit = f"This table has more than {MAX_CELLS:,} values: its columns times its lines."
            raise UnreadableCollection("table_too_large", limit)
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text.split("\n", 1)[0]))
        next(lines, None)
        return [_row(columns, cells) for cells in lines if any(cell.strip() for cell in cells)]
    except UnicodeDecodeError as error:
        raise UnreadableCollection("table_not_utf8", "This table is not UTF-8 text.") from error
    except (OSError, csv.Error) as error:
        raise UnreadableCollection("table_damaged", "This table cannot be read.") from error


def _row(columns: tuple[str, ...], cells: list[str]) -> Row:
    padded = [*cells, *[""] * len(columns)]
    return {name: cell.strip() for name, cell in zip(columns, padded, strict=False)}


def _separator(line: str) -> str:
    return max(SEPARATORS, key=line.count)
