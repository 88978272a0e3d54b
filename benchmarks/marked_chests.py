"""Drawn chests, marked in the image as drawings; the quality gate is fitted on them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT, WIDTH = 880, 760
RIBS = 9


def drawing_png(number: int) -> bytes:
    """Return chest `number` as PNG; the same number returns the same bytes."""
    random = np.random.default_rng(number)
    grey = _chest(random)
    _ribs(grey, random)
    grey = cv2.GaussianBlur(grey, (0, 0), 4) + random.normal(0, 5, grey.shape).astype(np.float32)
    image = np.clip(grey, 0, 255).astype(np.uint8)
    _mark_as_drawing(image, number)
    return bytes(cv2.imencode(".png", image)[1])


def _chest(random: np.random.Generator) -> NDArray[np.float32]:
    grey = np.full((HEIGHT, WIDTH), 18, np.float32)
    cv2.ellipse(grey, (WIDTH // 2, HEIGHT // 2 + 60), (330, 430), 0, 0, 360, 165.0, -1)
    cv2.ellipse(grey, (WIDTH // 2, 90), (70, 130), 0, 0, 360, 150.0, -1)
    for side in (-1, 1):
        lean = 6 * side + float(random.normal(0, 2))
        centre = (WIDTH // 2 + side * 160, HEIGHT // 2 + 10)
        cv2.ellipse(grey, centre, (115, int(random.uniform(235, 270))), lean, 0, 360, 48.0, -1)
    cv2.ellipse(grey, (WIDTH // 2 + 55, HEIGHT // 2 + 110), (105, 130), 25, 0, 360, 190.0, -1)
    cv2.rectangle(grey, (WIDTH // 2 - 26, 120), (WIDTH // 2 + 26, HEIGHT - 60), 200.0, -1)
    for _ in range(int(random.integers(0, 5))):
        spot = random.normal((WIDTH // 2 - 160, HEIGHT // 2 + 120), 50).astype(int)
        cv2.circle(grey, (int(spot[0]), int(spot[1])), int(random.integers(18, 42)), 110.0, -1)
    return cv2.GaussianBlur(grey, (0, 0), 14).astype(np.float32)


def _ribs(grey: NDArray[np.float32], random: np.random.Generator) -> None:
    ribs = np.zeros_like(grey)
    for rib in range(RIBS):
        y = 190 + rib * 62 + int(random.normal(0, 3))
        for side in (-1, 1):
            cv2.ellipse(ribs, (WIDTH // 2 + side * 165, y + 70), (150, 80), 14 * side, 200, 340, 34.0, 15)
    grey += ribs


def _mark_as_drawing(image: NDArray[np.uint8], number: int) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(image, "DRAWING", (40, HEIGHT // 2 + 30), font, 4.6, 235, 9, cv2.LINE_AA)
    cv2.putText(image, f"DEMO-{number}   NOT A PATIENT", (40, HEIGHT - 24), font, 1.1, 235, 3, cv2.LINE_AA)
