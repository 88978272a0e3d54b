"""Random changes to a training radiograph that no reader would mind: geometry, exposure, noise, re-encoding.

Public collections can be told apart by JPEG texture, sharpness and burnt-in corner letters. All classes are
changed in the same way, so that these say less about the label. Mirroring only if asked for: the heart has a
side, and so have burnt-in letters.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

# At strength 1. Shares are probabilities of the step.
ROTATION: Final = 8.0  # degrees, either way
SMALLEST_CROP: Final = 0.80  # of the side
LARGEST_CROP: Final = 0.98
GAMMA: Final = 1.6  # and its inverse
EXPOSURE: Final = 0.20  # of brightness and of contrast
NOISE: Final = 0.04  # standard deviation at most, of the grey range
JPEG_SHARE: Final = 0.8
JPEG_QUALITY: Final = (25, 90)
BLUR_SHARE: Final = 0.4
BLUR_SCALE: Final = 0.45
CORNER_SHARE: Final = 0.5
CORNER_SIDE: Final = 0.22  # of the radiograph's, at most
MIRROR_SHARE: Final = 0.5


def augment(
    radiograph: Bytes, size: int, strength: float, random: np.random.Generator, *, mirror: bool = False
) -> Bytes:
    """Make a (size, size) variant of a square radiograph; strength 0 only resizes, 1 is the full recipe.

    `mirror` turns every other radiograph's left to its right, whatever the strength.
    """
    if mirror and random.random() < MIRROR_SHARE:
        radiograph = np.ascontiguousarray(radiograph[:, ::-1])
    if strength <= 0:
        return cv2.resize(radiograph, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)
    radiograph = _turn_and_crop(radiograph, size, strength, random)
    radiograph = _expose(radiograph, strength, random)
    if random.random() < CORNER_SHARE * strength:
        radiograph = _cover_a_corner(radiograph, random)
    if random.random() < BLUR_SHARE * strength:
        radiograph = _lose_sharpness(radiograph, random)
    radiograph = _add_noise(radiograph, strength, random)
    if random.random() < JPEG_SHARE * strength:
        radiograph = _compress(radiograph, random)
    return radiograph


def _turn_and_crop(radiograph: Bytes, size: int, strength: float, random: np.random.Generator) -> Bytes:
    crop = 1 - strength * (1 - random.uniform(SMALLEST_CROP, LARGEST_CROP))
    side = round(size / crop)
    # Shrink before turning: a warp takes single pixels and would alias.
    radiograph = cv2.resize(radiograph, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8)
    slack = (side - size) / 2
    centre = side / 2 + random.uniform(-slack, slack, 2)
    angle = random.uniform(-ROTATION, ROTATION) * strength
    turn = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle, 1.0)
    turn[:, 2] += size / 2 - centre
    return cv2.warpAffine(
        radiograph, turn, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.uint8)


def _expose(radiograph: Bytes, strength: float, random: np.random.Generator) -> Bytes:
    gamma = GAMMA ** (random.uniform(-1, 1) * strength)
    contrast = 1 + random.uniform(-EXPOSURE, EXPOSURE) * strength
    brightness = random.uniform(-EXPOSURE, EXPOSURE) * strength
    curve = (np.linspace(0, 1, 256) ** gamma - 0.5) * contrast + 0.5 + brightness
    return cv2.LUT(radiograph, np.clip(curve * 255, 0, 255).astype(np.uint8)).astype(np.uint8)


def _cover_a_corner(radiograph: Bytes, random: np.random.Generator) -> Bytes:
    size = radiograph.shape[0]
    height, width = (int(size * random.uniform(0.05, CORNER_SIDE)) for _ in range(2))
    top = 0 if random.random() < 0.5 else size - height
    left = 0 if random.random() < 0.5 else size - width
    covered = radiograph.copy()
    covered[top : top + height, left : left + width] = random.integers(0, 256)
    return covered


def _lose_sharpness(radiograph: Bytes, random: np.random.Generator) -> Bytes:
    size = radiograph.shape[0]
    smaller = max(8, int(size * random.uniform(BLUR_SCALE, 1)))
    small = cv2.resize(radiograph, (smaller, smaller), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def _add_noise(radiograph: Bytes, strength: float, random: np.random.Generator) -> Bytes:
    level = random.uniform(0, NOISE) * strength * 255
    grain = random.standard_normal(radiograph.shape, dtype=np.float32) * np.float32(level)
    return np.clip(radiograph + grain, 0, 255).astype(np.uint8)


def _compress(radiograph: Bytes, random: np.random.Generator) -> Bytes:
    quality = int(random.integers(*JPEG_QUALITY, endpoint=True))
    _, encoded = cv2.imencode(".jpg", radiograph, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
    return np.asarray(decoded, dtype=np.uint8)
