"""Augmentation of training images: geometry, exposure, noise and re-encoding, which keep the finding visible.

JPEG texture, sharpness and burnt-in corner letters identify public collections and so predict the label. All
classes are augmented alike, which weakens these shortcuts. Mirroring is off by default: the heart is on one
side.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

# Values at strength 1. SHARE is the probability of a step.
ROTATION: Final = 8.0  # degrees, in either direction
MIN_CROP: Final = 0.80  # fraction of the side
MAX_CROP: Final = 0.98
GAMMA: Final = 1.6  # exponent from 1 / 1.6 to 1.6
EXPOSURE: Final = 0.20  # largest change of brightness and of contrast
NOISE: Final = 0.04  # largest standard deviation, as a fraction of the grey range
JPEG_SHARE: Final = 0.8
JPEG_QUALITY: Final = (25, 90)
BLUR_SHARE: Final = 0.4
BLUR_SCALE: Final = 0.45  # smallest intermediate size, as a fraction of the side
CORNER_SHARE: Final = 0.5
CORNER_SIDE: Final = 0.22  # largest fraction of the image side
MIRROR_SHARE: Final = 0.5


def augment(
    image: Pixels, size: int, strength: float, random: np.random.Generator, *, mirror: bool = False
) -> Pixels:
    """Return a random (size, size) variant of a square 8-bit image; strength 0 only resizes, 1 is full.

    `mirror` flips left and right with probability 0.5, whatever the strength.
    """
    if mirror and random.random() < MIRROR_SHARE:
        image = np.ascontiguousarray(image[:, ::-1])
    if strength <= 0:
        return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)
    image = _rotate_and_crop(image, size, strength, random)
    image = _change_exposure(image, strength, random)
    if random.random() < CORNER_SHARE * strength:
        image = _cover_corner(image, random)
    if random.random() < BLUR_SHARE * strength:
        image = _blur(image, random)
    image = _add_noise(image, strength, random)
    if random.random() < JPEG_SHARE * strength:
        image = _compress(image, random)
    return image


def _rotate_and_crop(image: Pixels, size: int, strength: float, random: np.random.Generator) -> Pixels:
    crop = 1 - strength * (1 - random.uniform(MIN_CROP, MAX_CROP))
    side = round(size / crop)
    # Resize before the rotation: warpAffine samples single pixels and would alias.
    image = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8)
    slack = (side - size) / 2
    centre = side / 2 + random.uniform(-slack, slack, 2)
    angle = random.uniform(-ROTATION, ROTATION) * strength
    rotation = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle, 1.0)
    rotation[:, 2] += size / 2 - centre
    return cv2.warpAffine(
        image, rotation, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.uint8)


def _change_exposure(image: Pixels, strength: float, random: np.random.Generator) -> Pixels:
    gamma = GAMMA ** (random.uniform(-1, 1) * strength)
    contrast = 1 + random.uniform(-EXPOSURE, EXPOSURE) * strength
    brightness = random.uniform(-EXPOSURE, EXPOSURE) * strength
    curve = (np.linspace(0, 1, 256) ** gamma - 0.5) * contrast + 0.5 + brightness
    return cv2.LUT(image, np.clip(curve * 255, 0, 255).astype(np.uint8)).astype(np.uint8)


def _cover_corner(image: Pixels, random: np.random.Generator) -> Pixels:
    size = image.shape[0]
    height, width = (int(size * random.uniform(0.05, CORNER_SIDE)) for _ in range(2))
    top = 0 if random.random() < 0.5 else size - height
    left = 0 if random.random() < 0.5 else size - width
    covered = image.copy()
    covered[top : top + height, left : left + width] = random.integers(0, 256)
    return covered


def _blur(image: Pixels, random: np.random.Generator) -> Pixels:
    size = image.shape[0]
    smaller = max(8, int(size * random.uniform(BLUR_SCALE, 1)))
    small = cv2.resize(image, (smaller, smaller), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def _add_noise(image: Pixels, strength: float, random: np.random.Generator) -> Pixels:
    level = random.uniform(0, NOISE) * strength * 255
    noise = random.standard_normal(image.shape, dtype=np.float32) * np.float32(level)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _compress(image: Pixels, random: np.random.Generator) -> Pixels:
    quality = int(random.integers(*JPEG_QUALITY, endpoint=True))
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
    return np.asarray(decoded, dtype=np.uint8)
