"""Variants of a picture: small changes that keep its kind, and changes that make another kind of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np

from benchmarks.quality_pictures import Picture
from ml.records import Grey

INVERTED: Final = "inverted frontal"
PART: Final = "part of a frontal radiograph"
TURNED: Final = "frontal radiograph turned"
VARIANTS: Final = {
    "lateral view": 8,
    "CT slice": 8,
    "photograph": 2,
    "part of a photograph": 2,
    "drawn chest": 2,
}
REDUCED: Final = 256  # pixels, width before a change
MIN_CONTRAST: Final = 0.02


def changed(grey: Grey, random: np.random.Generator) -> Grey:
    """Return the image cropped, turned by a few degrees, mirrored or not, brighter or darker."""
    height, width = grey.shape
    if width > REDUCED:
        size = (REDUCED, max(1, REDUCED * height // width))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        height, width = grey.shape
    top, bottom, left, right = random.uniform(0, 0.07, 4)
    grey = grey[
        int(top * height) : height - int(bottom * height), int(left * width) : width - int(right * width)
    ]
    height, width = grey.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(random.uniform(-7, 7)), 1)
    turned = cv2.warpAffine(grey, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    mirrored = turned[:, ::-1] if random.random() < 0.5 else turned
    powered: Grey = np.clip(mirrored, 0, 1) ** np.float32(random.uniform(0.7, 1.4))
    return np.ascontiguousarray(powered)


def other_kinds(picture: Picture, random: np.random.Generator) -> Iterator[Picture]:
    """Yield a frontal radiograph of an adult inverted, a small part of it, and the whole turned."""
    if picture.kind not in ("frontal, Cohen", "frontal, NIH"):
        return
    grey = picture.grey
    yield Picture(INVERTED, picture.group, 1 - grey)
    height, width = grey.shape
    top, left = int(random.uniform(0, 0.6) * height), int(random.uniform(0, 0.6) * width)
    part = grey[top : top + int(0.4 * height), left : left + int(0.4 * width)]
    if part.std() > MIN_CONTRAST:
        yield Picture(PART, picture.group, np.ascontiguousarray(part))
    quarters = int(random.integers(1, 4))
    yield Picture(TURNED, picture.group, np.ascontiguousarray(np.rot90(grey, quarters)))
