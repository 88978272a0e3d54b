"""Decoding of a PNG, JPEG or DICOM file into grey values from 0 to 1."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from ml.errors import UnreadableImage
from ml.images.dicom import read_dicom
from ml.images.file_format import FileFormat, detect_format
from ml.images.png import to_16_bit
from ml.images.raster import Raster, read_raster
from ml.images.study_dates import in_utc
from ml.records import DecodedRadiograph, DicomHeader

NO_HEADER: Final = DicomHeader()


def decode_radiograph(content: bytes) -> DecodedRadiograph:
    """Decode a PNG, JPEG or DICOM file; raises UnreadableImage.

    Grey values are rounded to 16 bits, so that every lossless encoding of an image decodes to equal pixels.
    """
    file_format = detect_format(content)
    header: DicomHeader | None
    with unreadable_if_decoding_fails():
        if file_format == "DICOM":
            raster, header = read_dicom(content)
        else:
            raster, header = read_raster(content, file_format), None
    return _decoded(raster, file_format, header)


@contextmanager
def unreadable_if_decoding_fails() -> Iterator[None]:
    """Convert any decoder error to UnreadableImage with the code `damaged`."""
    try:
        yield
    except (UnreadableImage, MemoryError):
        raise
    except Exception as error:  # three decoders raise eight families of errors, all for a damaged file
        raise UnreadableImage("damaged", "This file is damaged and cannot be decoded.") from error


def _decoded(raster: Raster, file_format: FileFormat, header: DicomHeader | None) -> DecodedRadiograph:
    study = header or NO_HEADER
    pixels = to_16_bit(raster.grey)
    if pixels.min() == pixels.max():
        raise UnreadableImage("blank", "This image is blank.")
    digest = hashlib.sha256(f"{pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels, "<u2").data)
    return DecodedRadiograph(
        grey=pixels.astype(np.float32) / np.float32(65535),
        bits=raster.bits,
        source_format=file_format,
        pixel_sha256=digest.hexdigest(),
        view=study.view,
        sex=study.sex if study.sex in ("M", "F") else "",
        age=study.age,
        study_at=in_utc(study.study_at),
        colour=raster.colour,
        header=header,
    )
