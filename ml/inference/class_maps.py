"""Rectified maps of one class, as they are stored and drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.records import ClassMap


def class_map(raw: NDArray[np.float32]) -> ClassMap:
    """Rectify one raw map (u, v); without positive values it becomes all zeros and is marked."""
    grid = np.maximum(raw, 0).astype(np.float32)
    largest = float(grid.max())
    # `not largest > 0` is also true for NaN, which must not reach the overlay.
    if not largest > 0:
        return ClassMap(np.zeros_like(grid), 0.0, no_positive_evidence=True)
    return ClassMap(grid, largest, no_positive_evidence=False)
