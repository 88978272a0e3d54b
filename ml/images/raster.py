"""PNG and JPEG files become grey values: 16-bit, palette, alpha, CMYK and EXIF orientation included."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.images.size_limits import check_size
from ml.records import Grey, UnreadableImage

MOST_COLOURS: Final = 1_000_000  # pixels in which colour is looked for
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
    """A decoded file: grey values 0 to 1, the stored bits, and how much colour there was, 0 to 255."""

    grey: Grey
    bits: int
    colour: float = 0.0


def read_raster(content: bytes, kind: Literal["PNG", "JPEG"]) -> Raster:
    """Decode a PNG or JPEG file; raises UnreadableImage or a decoder's error."""
    try:
        image = Image.open(io.BytesIO(content), formats=[kind])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as trouble:
        raise UnreadableImage("too_many_pixels", "This image has too many pixels.") from trouble
    with image:
        check_size(image.height, image.width)
        if getattr(image, "n_frames", 1) > 1:
            code = "animated" if kind == "PNG" else "multi_frame"
            raise UnreadableImage(code, "This file holds several pictures; send one radiograph.")
        turn = ORIENTATIONS.get(_orientation(image))
        found = _deep_colour(content) if kind == "PNG" and _is_deep_colour(content) else _grey(image)
    return found._replace(grey=turn(found.grey)) if turn else found


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except (SyntaxError, ValueError, TypeError, struct.error, OSError):
        return 1  # cameras write broken EXIF around sound pixels


def _grey(image: Image.Image) -> Raster:
    if image.mode.startswith("I"):  # 16-bit grey; convert('L') would clip it to white
        deep = np.asarray(image)
        hidden = image.info.get("transparency")
        shown = np.where(deep == hidden, 0, deep) if isinstance(hidden, int) else deep
        return Raster(shown.astype(np.float32) / np.float32(65535), 16)
    has_alpha = "transparency" in image.info or image.mode in ("LA", "PA", "RGBA", "La", "RGBa")
    if has_alpha:
        rgba = np.asarray(image.convert("RGBA"))
        return Raster(_on_black(rgba, full=255), 8, colour_of(rgba, full=255))
    if image.mode in ("L", "1"):
        return Raster(np.asarray(image.convert("L")).astype(np.float32) / np.float32(255), 8)
    rgb = np.asarray(image.convert("RGB"))
    return Raster(to_grey(rgb, full=255), 8, colour_of(rgb, full=255))


def to_grey(rgb: NDArray[Any], *, full: int) -> Grey:
    """Weigh red, green and blue (last axis, 0 to `full`) to grey 0 to 1; equal channels pass unchanged."""
    red, green, blue = (rgb[..., channel] for channel in range(3))
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red.astype(np.float32) / np.float32(full)
    # Channel by channel: a 40-megapixel photograph of a radiograph as floats would not fit the decoder's memory.
    grey: Grey = red.astype(np.float32) * LUMA[0]
    grey += green.astype(np.float32) * LUMA[1]
    grey += blue.astype(np.float32) * LUMA[2]
    grey /= np.float32(full)
    return grey


def colour_of(rgb: NDArray[Any], *, full: int) -> float:
    """Return the mean |red - blue| of (h, w, 3 or 4) pixels from 0 to `full`, as if they went to 255."""
    step = int(np.ceil(np.sqrt(rgb.shape[0] * rgb.shape[1] / MOST_COLOURS)))
    few = rgb[::step, ::step].astype(np.float32)
    return float(np.abs(few[..., 0] - few[..., 2]).mean() * (255 / full))


def _on_black(rgba: NDArray[Any], *, full: int) -> Grey:
    return to_grey(rgba, full=full) * (rgba[..., 3].astype(np.float32) / np.float32(full))


def _is_deep_colour(png: bytes) -> bool:
    # Pillow keeps 16 bits only for plain grey. Bytes 24 and 25 of the header are depth and colour type.
    return png[24:25] == b"\x10" and png[25:26] != b"\x00"


def _deep_colour(png: bytes) -> Raster:
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise UnreadableImage("damaged", "This file is damaged and cannot be decoded.")
    if pixels.ndim == 2:
        return Raster(pixels.astype(np.float32) / np.float32(65535), 16)
    # OpenCV's order is blue, green, red; which of the ends is red does not matter to their difference.
    colour = colour_of(pixels, full=65535)
    if pixels.shape[2] == 4:
        return Raster(_on_black(pixels[..., [2, 1, 0, 3]], full=65535), 16, colour)
    return Raster(to_grey(pixels[..., ::-1], full=65535), 16, colour)
