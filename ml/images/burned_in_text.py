"""Regions of burned-in text: letters on a radiograph, found by their sharp edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from ml.images.quality import EDGE, EDGE_SIDE
from ml.records import Grey

JOIN: Final = 9  # pixels of the reduced image across which edges belong to one text
MARGIN: Final = 4  # pixels of the reduced image around a text
MIN_EDGES: Final = 12  # of a region; a rib or a clip has fewer
MAX_SHARE: Final = 0.2  # of the image; what is larger is no line of text


@dataclass(frozen=True)
class Region:
    """A rectangle of a radiograph, in its pixels."""

    top: int
    left: int
    height: int
    width: int


def text_regions(grey: Grey) -> list[Region]:
    """Return where an image (height, width), 0 black to 1 white, seems to hold text; empty where none."""
    scale = EDGE_SIDE / max(grey.shape)
    size = tuple(max(2, round(scale * side)) for side in reversed(grey.shape))
    reduced = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    edges = np.zeros(reduced.shape, np.uint8)
    edges[:, 1:] = np.abs(np.diff(reduced, axis=1)) > EDGE
    joined = cv2.dilate(edges, np.ones((JOIN, JOIN), np.uint8))
    count, labels, boxes, _centres = cv2.connectedComponentsWithStats(joined)
    edge_counts = np.bincount(labels[edges > 0], minlength=count)
    found = [
        box[:4]
        for label, box in enumerate(boxes)
        if label and edge_counts[label] >= MIN_EDGES and box[2] * box[3] <= MAX_SHARE * edges.size
    ]
    return [_region(box, grey.shape, reduced.shape) for box in found]


def _region(box: np.ndarray, full: tuple[int, int], reduced: tuple[int, ...]) -> Region:
    """Return a box of the reduced image with its margin, in pixels of the full one."""
    left, top, width, height = (int(each) for each in box)
    down, across = full[0] / reduced[0], full[1] / reduced[1]
    first_row, first_column = int(max(0, top - MARGIN) * down), int(max(0, left - MARGIN) * across)
    last_row = min(full[0], round((top + height + MARGIN) * down))
    last_column = min(full[1], round((left + width + MARGIN) * across))
    return Region(first_row, first_column, last_row - first_row, last_column - first_column)
