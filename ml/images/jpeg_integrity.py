"""Verification of JPEG data: any warning of libjpeg-turbo means that pixels are missing or invented.

Pillow, OpenCV and GDCM ignore these warnings and fill the rest of the image.
"""

from __future__ import annotations

from typing import Final

import simplejpeg

from ml.errors import UnreadableImage

EIGHTH: Final = {
    "min_height": 1,
    "min_width": 1,
    "min_factor": 8,
}  # reads all data, transforms 1/64 of the pixels


def check_jpeg(content: bytes, *, is_cmyk: bool = False) -> None:
    """Check 8-bit JPEG data; raises UnreadableImage for a warning or an error of the decoder."""
    try:
        simplejpeg.decode_jpeg(content, "CMYK" if is_cmyk else "GRAY", strict=True, **EIGHTH)
    except ValueError as error:
        raise UnreadableImage("damaged", "This file is damaged and cannot be decoded.") from error
