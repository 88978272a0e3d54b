"""Decoding of PNG and JPEG to grey values: 16-bit, palette, alpha, CMYK and EXIF orientation."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.errors import UnreadableImage
from ml.images.jpeg_integrity import check_jpeg
from ml.images.png_integrity import check_png
from ml.images.size_limits import check_size
from ml.records import Grey

MAX_COLOUR_SAMPLES: Final = 1_000_000  # pixels from which the colour is measured
LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, red green blue
ORIENTATION_TAG: Final = 0x0112
ORIENTATIONS: Final[dict[int, Callable[[Any], Any]]] = {
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.transpose(a), 2),
    8: np.rot90,
}


class Raster(NamedTuple):
    """A decoded file: grey (height, width) from 0 to 1, stored bits, mean |red - blue| from 0 to 255."""

    grey: Grey
    bits: int
    colour: float = 0.0


def read_raster(content: bytes, kind: Literal["PNG", "JPEG"]) -> Raster:
    """Decode a PNG or JPEG file; raises UnreadableImage or an error of Pillow or OpenCV."""
    try:
        image = Image.open(io.BytesIO(content), formats=[kind])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage("too_many_pixels", "This image has too many pixels.") from error
    with image:
        check_size(image.height, image.width)
        if getattr(image, "n_frames", 1) > 1:
            code = "animated" if kind == "PNG" else "multi_frame"
            raise UnreadableImage(code, "This file contains several images; send one radiograph.")
        _check_integrity(content, image)
        image.load()  # before the orientation: `getexif` loads the pixels of a PNG and hides their errors
        rotate = ORIENTATIONS.get(_orientation(image))
        deep = kind == "PNG" and _is_16_bit_colour(content)
        raster = _read_16_bit_colour(content) if deep else _read_with_pillow(image)
    return raster._replace(grey=np.ascontiguousarray(rotate(raster.grey))) if rotate else raster


def _check_integrity(content: bytes, image: Image.Image) -> None:
    if image.format == "PNG":
        check_png(content)
    else:
        check_jpeg(content, is_cmyk=image.mode == "CMYK")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except (SyntaxError, ValueError, TypeError, struct.error, OSError):
        return 1  # cameras write broken EXIF around valid pixels


def _read_with_pillow(image: Image.Image) -> Raster:
    if image.mode.startswith("I"):  # 16-bit grey; convert('L') would clip it to white
        deep = np.asarray(image)
        transparent = image.info.get("transparency")
        opaque = np.where(deep == transparent, 0, deep) if isinstance(transparent, int) else deep
        bits = stored_bits(opaque)
        return Raster(opaque.astype(np.float32) / np.float32(2**bits - 1), bits)
    has_alpha = "transparency" in image.info or image.mode in ("LA", "PA", "RGBA", "La", "RGBa")
    if has_alpha:
        rgba = np.asarray(image.convert("RGBA"))
        return Raster(_on_black(rgba, full=255), 8, colour_of(rgba, full=255))
    if image.mode in ("L", "1"):
        return Raster(np.asarray(image.convert("L")).astype(np.float32) / np.float32(255), 8)
    rgb = np.asarray(image.convert("RGB"))
    return Raster(to_grey(rgb, full=255), 8, colour_of(rgb, full=255))


def stored_bits(pixels: NDArray[Any]) -> int:
    """Return how many bits the values of a 16-bit image use: 10, 12 and 14 bits are stored without scaling.

    No radiograph of 16 bits leaves three quarters of its range empty; 8 bits multiplied by 257 may.
    """
    bits = next(bits for bits in (8, 10, 12, 14, 16) if pixels.max() < 2**bits)
    return 16 if bits < 16 and not (pixels % 257).any() else bits


def to_grey(rgb: NDArray[Any], *, full: int) -> Grey:
    """Return the BT.601 luma, 0 to 1, of RGB (h, w, 3) from 0 to `full`; equal channels stay exact."""
    red, green, blue = (rgb[..., channel] for channel in range(3))
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red.astype(np.float32) / np.float32(full)
    # Channel by channel: 40 megapixels of RGB as floats exceed the memory limit of the decoding process.
    grey: Grey = red.astype(np.float32) * LUMA[0]
    grey += green.astype(np.float32) * LUMA[1]
    grey += blue.astype(np.float32) * LUMA[2]
    grey /= np.float32(full)
    return grey


def colour_of(rgb: NDArray[Any], *, full: int) -> float:
    """Return the mean |red - blue| of (h, w, 3 or 4) pixels from 0 to `full`, scaled to 0 to 255."""
    step = int(np.ceil(np.sqrt(rgb.shape[0] * rgb.shape[1] / MAX_COLOUR_SAMPLES)))
    sample = rgb[::step, ::step].astype(np.float32)
    return float(np.abs(sample[..., 0] - sample[..., 2]).mean() * (255 / full))


def _on_black(rgba: NDArray[Any], *, full: int) -> Grey:
    return to_grey(rgba, full=full) * (rgba[..., 3].astype(np.float32) / np.float32(full))


def _is_16_bit_colour(png: bytes) -> bool:
    # Pillow reads 16 bits for grey PNGs only. Bytes 24 and 25 of the header are depth and colour type.
    return png[24:25] == b"\x10" and png[25:26] != b"\x00"


def _read_16_bit_colour(png: bytes) -> Raster:
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise UnreadableImage("damaged", "This file is damaged and cannot be decoded.")
    if pixels.ndim == 2:
        return Raster(pixels.astype(np.float32) / np.float32(65535), 16)
    # OpenCV returns blue, green, red; |red - blue| does not depend on which end is red.
    colour = colour_of(pixels, full=65535)
    if pixels.shape[2] == 4:
        return Raster(_on_black(pixels[..., [2, 1, 0, 3]], full=65535), 16, colour)
    return Raster(to_grey(pixels[..., ::-1], full=65535), 16, colour)
