"""Quality flags: signs that an image may not be a plain chest radiograph. They never refuse an upload."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from ml.records import Grey, QualityFlag

MIN_SIDE: Final = 256  # pixels
MAX_ASPECT: Final = 2.0  # longer side over shorter side
MIN_CONTRAST: Final = 15.0  # standard deviation of grey values from 0 to 255
MAX_COLOUR: Final = 12.0  # mean |red - blue|, 0 to 255; valid radiographs of public collections reach 10.4
MAX_CORNER_EXCESS: Final = 0.05  # corners minus spine, 0 to 1; exceeded by about 1 in 200 public radiographs
# The next three are exceeded by at most 1 in 100 frontal radiographs of public collections.
MAX_WHITE: Final = 0.13  # share of pixels that are as good as white
MAX_BLACK_BORDER: Final = 0.3  # share of the area in black rows and columns at the edges
MAX_SHARP_EDGES: Final = 0.008  # share of neighbours in a row of 512 pixels whose greys differ by a third
WHITE: Final = 0.99  # from this grey on a pixel is as good as white
BLACK: Final = 0.04
EDGE: Final = 0.35
BLACK_LINE: Final = 0.97  # share of black pixels from which on a line is black
EDGE_SIDE: Final = 512  # pixels, longer side
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
        "clipped": float((grey >= WHITE).mean()) > MAX_WHITE,
        "collimated": _black_border(grey) > MAX_BLACK_BORDER,
        "text": _sharp_edges(grey) > MAX_SHARP_EDGES,
        "inverted": corner_excess(grey) > MAX_CORNER_EXCESS,
    }
    return tuple(flag for flag, met in conditions.items() if met)


def corner_excess(grey: Grey) -> float:
    """Return the mean grey of the corners minus that of the spine, -1 to 1; positive in inverted images."""
    return _corner_mean(grey) - _spine_mean(grey)


def _black_border(grey: Grey) -> float:
    """Return the share of the area outside the smallest rectangle without black lines at its edges."""
    black = grey < BLACK
    rows = np.flatnonzero(black.mean(axis=1) <= BLACK_LINE)
    columns = np.flatnonzero(black.mean(axis=0) <= BLACK_LINE)
    if not len(rows) or not len(columns):
        return 0.0  # all black: flat, not collimated
    inside = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
    return 1.0 - float(inside) / grey.size


def _sharp_edges(grey: Grey) -> float:
    """Return how many horizontal neighbours differ like letters from what is behind them, 0 to 1."""
    scale = EDGE_SIDE / max(grey.shape)
    size = tuple(max(2, round(scale * side)) for side in reversed(grey.shape))
    reduced = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return float((np.abs(np.diff(reduced, axis=1)) > EDGE).mean())


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
