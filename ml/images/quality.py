"""Signs that a picture may be no plain chest radiograph; they refuse nothing (trust.md, section 4 F 1)."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml.records import Grey, QualityFlag

SHORTEST_SIDE: Final = 256  # pixels
MOST_LENGTHY: Final = 2.0  # longer side over shorter side
LEAST_CONTRAST: Final = 15.0  # standard deviation, of 255
MOST_COLOUR: Final = 12.0  # mean |red - blue|, of 255; sound radiographs of public collections reach 10.4
BRIGHT_CORNERS: Final = 0.05  # over the spine, 0 to 1; about 1 in 200 public radiographs exceeds it
CORNER: Final = 0.12  # of each side
SPINE_ROWS: Final = (0.2, 0.8)  # as shares of the height
SPINE_COLUMNS: Final = (0.45, 0.55)  # as shares of the width


def quality_flags(grey: Grey, *, colour: float = 0.0) -> tuple[QualityFlag, ...]:
    """Name what is odd about a radiograph (height, width), 0 black to 1 white; nothing is the rule.

    `colour` is the file's mean |red - blue|, 0 to 255.
    """
    height, width = grey.shape
    signs: dict[QualityFlag, bool] = {
        "small": min(height, width) < SHORTEST_SIDE,
        "long": max(height, width) > MOST_LENGTHY * min(height, width),
        "flat": float(grey.std()) * 255 < LEAST_CONTRAST,
        "coloured": colour > MOST_COLOUR,
        "inverted": _corners(grey) - _spine(grey) > BRIGHT_CORNERS,
    }
    return tuple(sign for sign, shown in signs.items() if shown)


def _corners(grey: Grey) -> float:
    down, across = (max(1, round(CORNER * side)) for side in grey.shape)
    corners = (
        grey[:down, :across],
        grey[:down, -across:],
        grey[-down:, :across],
        grey[-down:, -across:],
    )
    return float(np.mean([corner.mean() for corner in corners]))


def _spine(grey: Grey) -> float:
    height, width = grey.shape
    top, bottom = (int(share * height) for share in SPINE_ROWS)
    left, right = (int(share * width) for share in SPINE_COLUMNS)
    return float(grey[top:bottom, left:right].mean())
