"""One way from a file's bytes to grey values 0 to 1, and from there to a network's input and a screen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.dicom import Study, read_dicom
from ml.limits import LARGEST_FILE
from ml.raster import Raster, read_raster
from ml.records import Film, Frame, Grey, Preprocessing, UnreadableImage

CAFFE_MEANS: Final = np.array([103.939, 116.779, 123.68], np.float32)  # ImageNet's blue, green, red
NOTHING: Final = Study(view="", sex="", age=None, study_at=None)


def read_film(content: bytes) -> Film:
    """Decode a PNG, JPEG or DICOM radiograph; raises UnreadableImage.

    Grey values are kept to 16 bits, so that a film is the same after any lossless wrapping.
    """
    kind = check_file(content)
    with decoding():
        if kind == "DICOM":
            found, study = read_dicom(content)
        else:
            found, study = read_raster(content, kind), NOTHING
    return film_of(found, kind, study)


@contextmanager
def decoding() -> Iterator[None]:
    """Turn whatever a decoder raises into UnreadableImage."""
    try:
        yield
    except (UnreadableImage, MemoryError):
        raise
    except Exception as trouble:  # eight families of errors come out of three decoders; all mean the same
        raise UnreadableImage("damaged", "This file is damaged and cannot be decoded.") from trouble


def check_file(content: bytes) -> Literal["PNG", "JPEG", "DICOM"]:
    """Tell the format by the first bytes alone; raises UnreadableImage."""
    if not content:
        raise UnreadableImage("empty_file", "This file is empty.")
    if len(content) > LARGEST_FILE:
        raise UnreadableImage("too_large", "This file is larger than 64 MB.")
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content[128:132] == b"DICM":
        return "DICOM"
    raise UnreadableImage("unknown_format", "This file is no PNG, JPEG or DICOM image.")


def film_of(found: Raster, kind: Literal["PNG", "JPEG", "DICOM"], study: Study) -> Film:
    """Make the Film of decoded pixels; raises UnreadableImage if they are blank."""
    deep = to_16_bit(found.grey)
    if deep.min() == deep.max():
        raise UnreadableImage("blank", "This image is blank.")
    digest = hashlib.sha256(f"{deep.shape}".encode())
    digest.update(np.ascontiguousarray(deep, "<u2").data)
    return Film(
        grey=deep.astype(np.float32) / np.float32(65535),
        bits=found.bits,
        source_format=kind,
        pixel_sha256=digest.hexdigest(),
        view=study.view,
        sex=study.sex,
        age=study.age,
        study_at=study.study_at,
        colour=found.colour,
    )


def to_16_bit(grey: Grey) -> NDArray[np.uint16]:
    """Round grey values 0 to 1 to 16-bit integers."""
    return np.rint(np.clip(grey, 0, 1) * np.float32(65535)).astype(np.uint16)


def prepare(grey: Grey, prep: Preprocessing) -> tuple[NDArray[np.float32], Frame]:
    """Make the network's input, (size, size, channels), and say where on the film it lies."""
    square, frame = to_square(grey, prep)
    return scale_values(square, prep), frame


def to_square(grey: Grey, prep: Preprocessing) -> tuple[Grey, Frame]:
    """Cut, pad or stretch a film to (size, size), still 0 to 1."""
    height, width = grey.shape
    if prep.geometry == "stretch":
        region, top, left = grey, 0, 0
    elif prep.geometry == "letterbox":
        side = max(height, width)
        top, left = -((side - height) // 2), -((side - width) // 2)
        borders = (-top, side - height + top, -left, side - width + left)
        region = cv2.copyMakeBorder(grey, *borders, cv2.BORDER_CONSTANT, value=0)
    else:
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        region = grey[top : top + side, left : left + side]
    frame = Frame(height, width, float(top), float(left), float(region.shape[0]), float(region.shape[1]))
    return resize(region, (prep.size, prep.size)), frame


def resize(grey: Grey, shape: tuple[int, int]) -> Grey:
    """Resize to (height, width): areas averaged when shrinking, half-pixel bilinear when growing."""
    if grey.shape == shape:
        return grey
    shrinking = grey.shape[0] > shape[0] or grey.shape[1] > shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    resized: Grey = cv2.resize(grey, (shape[1], shape[0]), interpolation=method).astype(np.float32)
    return resized


def scale_values(square: Grey, prep: Preprocessing) -> NDArray[np.float32]:
    """Turn grey values 0 to 1 into the numbers the network was trained on, (size, size, channels)."""
    if prep.scale == "caffe":
        bytes_like = (square * np.float32(255))[..., None]
        means = CAFFE_MEANS if prep.channels == 3 else CAFFE_MEANS.mean(keepdims=True)
        return np.ascontiguousarray(bytes_like - means)
    if prep.scale == "zscore":
        low, high = np.percentile(square, (0.5, 99.5))
        clipped = np.clip(square, low, high)
        square = (clipped - clipped.mean()) / (clipped.std() + np.float32(1e-6))
    return np.repeat(square[..., None], prep.channels, axis=2).astype(np.float32)


def display_png(film: Film, longest: int = 2048) -> bytes:
    """Encode a film as 8-bit grey PNG, at most `longest` pixels on its longer side."""
    scale = min(1.0, longest / max(film.height, film.width))
    shape = (max(1, round(film.height * scale)), max(1, round(film.width * scale)))
    return encode_png(np.rint(resize(film.grey, shape) * 255).astype(np.uint8))


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode (h, w) grey, (h, w, 3) RGB or (h, w, 4) RGBA pixels as PNG."""
    if pixels.ndim == 3:
        order = [2, 1, 0, 3][: pixels.shape[2]]  # OpenCV writes blue, green, red
        pixels = np.ascontiguousarray(pixels[..., order])
    _, encoded = cv2.imencode(".png", pixels)
    return bytes(encoded)
