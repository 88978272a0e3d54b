"""Quality flags: signs that an image may not be a plain chest radiograph. They never refuse an upload."""

from __future__ import annotations

from typing import Final

import numpy as np

from ml.records import Grey, QualityFlag

MIN_SIDE: Final = 256  # pixels
MAX_ASPECT: Final = 2.0  # longer side over shorter side
MIN_CONTRAST: Final = 15.0  # standard deviation of grey values from 0 to 255
MAX_COLOUR: Final = 12.0  # mean |red - blue|, 0 to 255; valid radiographs of public collections reach 10.4
MAX_CORNER_EXCESS: Final = 0.05  # corners minus spine, 0 to 1; exceeded by about 1 in 200 public radiographs
CORNER: Final = 0.12  # fraction of each side
SPINE_ROWS: Final = (0.2, 0.8)  # fractions of the height
SPINE_COLUMNS: Final = (0.45, 0.55)  # fractions of the width


def quality_flags(grey: Grey, *, colour: float = 0.0) -> tuple[QualityFlag, ...]:
    """Return the flags of an image (height, width), 0 black to 1 white; empty for a typical radiograph.

    `colour` is the mean |red - blue| of the file, 0 to 255.
    """
    height, width = grey.shape
    conditions: dict[QualityFlag, bool] = {
        "small": min(height, width) < MIN_SIDE,
        "long": max(height, width) > MAX_ASPECT * min(height, width),
        "flat": float(grey.std()) * 255 < MIN_CONTRAST,
        "coloured": colour > MAX_COLOUR,
        "inverted": _corner_mean(grey) - _spine_mean(grey) > MAX_CORNER_EXCESS,
    }
    return tuple(flag for flag, met in conditions.items() if met)


def _corner_mean(grey: Grey) -> float:
    rows, columns = (max(1, round(CORNER * side)) for side in grey.shape)
    corners = (
        grey[:rows, :columns],
        grey[:rows, -columns:],
        grey[-rows:, :columns],
        grey[-rows:, -columns:],
    )
    return float(np.mean([corner.mean() for corner in corners]))


def _spine_mean(grey: Grey) -> float:
    height, width = grey.shape
    top, bottom = (int(fraction * height) for fraction in SPINE_ROWS)
    left, right = (int(fraction * width) for fraction in SPINE_COLUMNS)
    return float(grey[top:bottom, left:right].mean())
