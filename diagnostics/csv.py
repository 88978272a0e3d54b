"""What every table for a spreadsheet must mind."""

from __future__ import annotations

from typing import Final

FORMULA_PREFIXES: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def escape_formula(cell: str) -> str:
    """Keep a spreadsheet from taking what somebody wrote for a formula."""
    return f"'{cell}" if cell.lstrip(" ").startswith(FORMULA_PREFIXES) else cell
