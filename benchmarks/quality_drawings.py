"""Drawn pictures that are not radiographs: gradients, noise, text, plots and pages like screenshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np

from ml.records import Grey

EACH: Final = 160
FONTS: Final = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_PLAIN)
SIZES: Final = ((256, 256), (480, 640), (768, 1366), (1080, 1920), (844, 390), (600, 500))
Drawing = Callable[[np.random.Generator, tuple[int, int]], Grey]


def drawings(each: int = EACH) -> Iterator[tuple[str, str, Grey]]:
    """Yield kind, name and pixels of the drawn pictures; the same on every call."""
    kinds: dict[str, Drawing] = {
        "gradient": gradient,
        "noise": noise,
        "smooth noise": smooth_noise,
        "shapes": shapes,
        "text": text,
        "plot": plot,
        "screenshot": screenshot,
    }
    for kind, draw in kinds.items():
        for number in range(each):
            random = np.random.default_rng([number, len(kind)])
            yield kind, f"{kind} {number}", draw(random, SIZES[number % len(SIZES)])


def gradient(random: np.random.Generator, size: tuple[int, int]) -> Grey:
    """Return a linear or round gradient."""
    y, x = np.mgrid[0 : 1 : size[0] * 1j, 0 : 1 : size[1] * 1j]
    angle, power = random.uniform(0, 2 * np.pi), random.uniform(0.5, 2)
    ramp = np.cos(angle) * x + np.sin(angle) * y
    if random.random() < 0.3:
        ramp = np.hypot(x - random.uniform(0.2, 0.8), y - random.uniform(0.2, 0.8)) * random.choice((-1, 1))
    return _scaled(_scaled(ramp) ** power)


def noise(random: np.random.Generator, size: tuple[int, int]) -> Grey:
    """Return white noise, normal or uniform."""
    if random.random() < 0.5:
        return random.random(size, np.float32)
    return np.clip(random.normal(0.5, random.uniform(0.05, 0.3), size), 0, 1).astype(np.float32)


def smooth_noise(random: np.random.Generator, size: tuple[int, int]) -> Grey:
    """Return noise whose amplitude falls with its frequency, like clouds."""
    frequency = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(random.normal(size=size)) / frequency ** random.uniform(0.5, 2)
    return _scaled(np.fft.irfft2(spectrum, s=size))


def shapes(random: np.random.Generator, size: tuple[int, int]) -> Grey:
    """Return overlapping ellipses and rectangles, sharp or blurred."""
    image = np.full(size, random.integers(256), np.uint8)
    for _ in range(random.integers(1, 25)):
        centre, axes = _point(random, size), _point(random, (size[0] // 3, size[1] // 3))
        shade = float(random.integers(256))
        if random.random() < 0.5:
            cv2.ellipse(image, centre, axes, float(random.uniform(0, 180)), 0, 360, shade, -1)
        else:
            cv2.rectangle(image, centre, _point(random, size), shade, int(random.choice((-1, 3))))
    return _blurred(image, random.choice((0, 0, 3, 12)))


def text(random: np.random.Generator, size: tuple[int, int]) -> Grey:
    """Return lines of text on a plain page."""
    image, ink = _page(random, size)
    _paragraph(image, random, (10, 10, size[1] - 10, size[0] - 10), ink)
    return _blurred(image, 0)


def plot(random: np.random.Generator, size: tuple[int, int]) -> Grey:
    """Return curves or bars between two axes."""
    image, ink = _page(random, size)
    height, width = size
    left, bottom = int(0.12 * width), int(0.88 * height)
    cv2.line(image, (left, 10), (left, bottom), ink, 2)
    cv2.line(image, (left, bottom), (width - 10, bottom), ink, 2)
    columns = np.linspace(left, width - 10, int(random.integers(5, 60))).astype(int)
    for _ in range(random.integers(1, 5)):
        heights = np.clip(np.cumsum(random.normal(0, 0.15, len(columns))) + 0.5, 0, 1)
        rows = (bottom - heights * (bottom - 20)).astype(int)
        shade = float(random.integers(40, 216))
        if random.random() < 0.5:
            cv2.polylines(image, [np.stack([columns, rows], 1).astype(np.int32)], False, shade, 2)
        else:
            for column, row in zip(columns, rows, strict=True):
                cv2.rectangle(image, (int(column) - 4, int(row)), (int(column) + 4, bottom), shade, -1)
    return _blurred(image, 0)


def screenshot(random: np.random.Generator, size: tuple[int, int]) -> Grey:
    """Return a page with a bar, boxes, fields and buttons."""
    image, ink = _page(random, size)
    height, width = size
    cv2.rectangle(image, (0, 0), (width, int(random.integers(20, 80))), float(random.integers(256)), -1)
    for _ in range(random.integers(1, 5)):
        left, top = int(random.uniform(0, 0.6) * width), int(random.uniform(0.1, 0.7) * height)
        right = left + int(random.uniform(0.15, 0.5) * width)
        bottom = top + int(random.uniform(0.1, 0.4) * height)
        cv2.rectangle(image, (left, top), (right, bottom), float(random.integers(256)), -1)
        cv2.rectangle(image, (left, top), (right, bottom), ink, 1)
        _paragraph(image, random, (left + 8, top + 8, right, bottom), ink)
    return _blurred(image, 0)


def _page(random: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, float]:
    dark = random.random() < 0.4
    shade = random.integers(0, 60) if dark else random.integers(225, 256)
    return np.full(size, shade, np.uint8), 230.0 if dark else 20.0


def _paragraph(
    image: np.ndarray, random: np.random.Generator, box: tuple[int, int, int, int], ink: float
) -> None:
    left, top, right, bottom = box
    font, scale = FONTS[random.integers(len(FONTS))], random.uniform(0.4, 1.2)
    step, letters = int(34 * scale), max(1, int((right - left) / (18 * scale)))
    for y in range(top + step, bottom, step):
        length = int(random.integers(max(1, letters // 3), letters + 1))
        line = "".join(random.choice(list("abcdefghiklmnoprstu  ")) for _ in range(length))
        cv2.putText(image, line, (left, y), font, scale, ink, 1, cv2.LINE_AA)


def _point(random: np.random.Generator, size: tuple[int, int]) -> tuple[int, int]:
    return int(random.integers(size[1])) + 1, int(random.integers(size[0])) + 1


def _blurred(image: np.ndarray, sigma: float) -> Grey:
    soft = cv2.GaussianBlur(image, (0, 0), float(sigma)) if sigma else image
    return (soft / np.float32(255)).astype(np.float32)


def _scaled(values: np.ndarray) -> Grey:
    low, high = values.min(), values.max()
    scaled: Grey = ((values - low) / (high - low + 1e-9)).astype(np.float32)
    return scaled
