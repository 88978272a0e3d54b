"""One way from a file's bytes to grey values 0 to 1, and from there to a network's input and a screen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ml.images.dicom import Study, read_dicom
from ml.images.raster import Raster, read_raster
from ml.images.size_limits import MAX_FILE_BYTES
from ml.records import DecodedRadiograph, Grey, UnreadableImage

NO_STUDY: Final = Study(view="", sex="", age=None, study_at=None)


def read_radiograph(content: bytes) -> DecodedRadiograph:
    """Decode a PNG, JPEG or DICOM radiograph; raises UnreadableImage.

    Grey values are kept to 16 bits, so that a radiograph is the same after any lossless wrapping.
    """
    kind = check_file(content)
    with decoding():
        if kind == "DICOM":
            found, study = read_dicom(content)
        else:
            found, study = read_raster(content, kind), NO_STUDY
    return decoded_radiograph(found, kind, study)


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
    if len(content) > MAX_FILE_BYTES:
        raise UnreadableImage("too_large", "This file is larger than 64 MB.")
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content[128:132] == b"DICM":
        return "DICOM"
    raise UnreadableImage("unknown_format", "This file is no PNG, JPEG or DICOM image.")


def decoded_radiograph(
    found: Raster, kind: Literal["PNG", "JPEG", "DICOM"], study: Study
) -> DecodedRadiograph:
    """Make the Radiograph of decoded pixels; raises UnreadableImage if they are blank."""
    deep = to_16_bit(found.grey)
    if deep.min() == deep.max():
        raise UnreadableImage("blank", "This image is blank.")
    digest = hashlib.sha256(f"{deep.shape}".encode())
    digest.update(np.ascontiguousarray(deep, "<u2").data)
    return DecodedRadiograph(
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
