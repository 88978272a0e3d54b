"""Checks of DICOM pixel data before decoding: one complete frame that fits the header."""

from __future__ import annotations

from typing import Final

import pydicom
from pydicom import uid
from pydicom.encaps import generate_fragments

from ml.errors import UnreadableImage
from ml.images.jpeg_integrity import check_jpeg

STARTS: Final = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP")  # JPEG and JPEG-LS, JPEG 2000, JP2
END_MARKERS: Final = (
    b"\xff\xd9",
    b"\xff\xd9\xff",
)  # of JPEG, JPEG-LS and JPEG 2000; some writers pad with ff
OFFSET_BYTES: Final = 4  # of an entry of the basic offset table
MULTI_FRAME: Final = "This DICOM file contains several frames; send one radiograph."


def check_pixel_data(dataset: pydicom.Dataset) -> None:
    """Check that the pixel data are one complete frame; raises UnreadableImage."""
    if int(dataset.get("NumberOfFrames", 1) or 1) != 1:
        raise _multi_frame()
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        _check_encapsulated(dataset)
    else:
        _check_native(dataset)


def _check_native(dataset: pydicom.Dataset) -> None:
    samples = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel
    if dataset.PhotometricInterpretation == "YBR_FULL_422":
        samples = samples * 2 // 3  # two pixels share their colour
    expected = samples * dataset.BitsAllocated // 8
    actual = len(dataset.PixelData)
    if actual >= 2 * expected:
        raise _multi_frame()
    # Some writers pad to blocks; more than a row means that header and pixels differ in size.
    if actual < expected or actual - expected > expected // dataset.Rows + 1:
        raise _damaged()


def _check_encapsulated(dataset: pydicom.Dataset) -> None:
    offsets, *fragments = generate_fragments(dataset.PixelData)
    syntax = dataset.file_meta.TransferSyntaxUID
    is_rle = syntax == uid.RLELossless  # whose frames are one fragment each
    frames = len(fragments) if is_rle else sum(part.startswith(STARTS) for part in fragments)
    if frames > 1 or len(offsets) > OFFSET_BYTES:
        raise _multi_frame()
    if is_rle:
        return
    frame = b"".join(fragments)
    if not frame.rstrip(b"\0").endswith(END_MARKERS):
        raise _damaged()
    if syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit) and dataset.BitsStored == 8:
        check_jpeg(frame)


def _multi_frame() -> UnreadableImage:
    return UnreadableImage("multi_frame", MULTI_FRAME)


def _damaged() -> UnreadableImage:
    return UnreadableImage("damaged", "This file is damaged and cannot be decoded.")
