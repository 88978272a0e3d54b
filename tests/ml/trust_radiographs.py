"""Small synthetic images that resemble each other by chance only, and files of them."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ml.records import Grey, LabelledImage, Preprocessing

PREP = Preprocessing(geometry="stretch")


def synthetic_image(seed: int, size: tuple[int, int] = (96, 96)) -> Grey:
    """Return smooth noise: 0 black to 1 white, unlike that of any other seed."""
    coarse = np.random.default_rng(seed).random((9, 9)).astype(np.float32)
    image: Grey = np.clip(cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_CUBIC), 0, 1)
    return image


def encoded(grey: Grey, kind: str = "PNG", **options: object) -> bytes:
    """Return grey values as an 8-bit PNG or JPEG file."""
    out = io.BytesIO()
    Image.fromarray(np.rint(grey * 255).astype(np.uint8)).save(out, kind, **options)
    return out.getvalue()


def write_radiograph(
    folder: Path,
    name: str,
    content: bytes,
    label: str = "normal",
    patient: str | None = None,
    source: str = "",
) -> LabelledImage:
    """Write a radiograph into a folder; without a given patient the file name is the patient."""
    path = folder / name
    path.write_bytes(content)
    return LabelledImage(path, label, name if patient is None else patient, source)
