"""Text of a number beside the limit it is compared with."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

DIGITS: Final = (2, 3)  # more digits only where two do not show the difference
SMALLEST_STEP: Final = Decimal("0.001")


def compared_texts(value: float, limit: float) -> tuple[str, str]:
    """Return the texts of a value and its limit; rounding never changes which of the two is larger."""
    texts = [(f"{value:.{digits}f}", f"{limit:.{digits}f}") for digits in DIGITS]
    for value_text, limit_text in texts:
        if value_text != limit_text or value == limit:
            return value_text, limit_text
    if value > limit:
        return _rounded(value, ROUND_CEILING), _rounded(limit, ROUND_FLOOR)
    return _rounded(value, ROUND_FLOOR), _rounded(limit, ROUND_CEILING)


def _rounded(number: float, rounding: str) -> str:
    return f"{Decimal(number).quantize(SMALLEST_STEP, rounding=rounding)}"
