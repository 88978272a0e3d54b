"""Grey values of a radiograph in full bit depth with the initial window, packed for the viewer."""

from __future__ import annotations

import gzip
import io
import struct
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import apply_modality_lut

from ml.images.decoding import unreadable_if_decoding_fails
from ml.images.dicom import read_stored
from ml.images.file_format import detect_format
from ml.images.raster import Raster, colour_of, read_raster, to_grey
from ml.images.voi import apply_voi_lut, rescale_of, voi_function_of, window_of
from ml.records import Grey

MAGIC: Final = b"RRPX"
LAYOUT: Final = struct.Struct("<4sBBBBIIdddd16x")  # 64 bytes; the pixels follow
FUNCTIONS: Final = ("LINEAR", "LINEAR_EXACT", "SIGMOID")  # PS3.3 C.11.2.1.2 and C.11.2.1.3
GZIP_LEVEL: Final = 1  # higher levels are much slower and save less than a tenth


@dataclass(frozen=True)
class FullDepthImage:
    """Stored grey, (height, width), 0 to 65535; real value = stored * slope + intercept."""

    stored: NDArray[np.uint16]
    bits: int
    slope: float
    intercept: float
    centre: float  # of the initial window, in real values
    width: float  # of the initial window, in real values
    function: str  # one of FUNCTIONS
    inverted: bool  # MONOCHROME1: the lowest value is white


def read_full_depth(content: bytes) -> FullDepthImage:
    """Read the grey values of a PNG, JPEG or DICOM file before any window; raises UnreadableImage."""
    file_format = detect_format(content)
    with unreadable_if_decoding_fails():
        if file_format != "DICOM":
            return _from_raster(read_raster(content, file_format))
        dataset, stored = read_stored(content)
        if dataset.SamplesPerPixel == 3:
            full, bits = 2**dataset.BitsStored - 1, max(int(dataset.BitsStored), 8)
            return _from_raster(Raster(to_grey(stored, full=full), bits, colour_of(stored, full=full)))
        return _from_dicom(stored, dataset)


def pack(image: FullDepthImage) -> bytes:
    """Return gzip of a header of 64 bytes and the differences of neighbouring pixels, in byte planes.

    Each pixel is stored as its difference from the pixel to its left (the first of a row: from the one
    above), modulo 65536, zigzag-encoded so that small differences of either sign become small numbers. On
    radiographs with detector noise this takes about three quarters of the size and less time than gzip of the
    plain values. The layout is specified in docs/adr/0011-viewer.md.
    """
    differences = image.stored.astype("<u2", copy=True)
    differences[:, 1:] -= image.stored[:, :-1]
    differences[1:, 0] -= image.stored[:-1, 0]
    signed = differences.view("<i2")
    zigzag = ((signed << 1) ^ (signed >> 15)).view("<u2")
    planes = [(zigzag & 255).astype(np.uint8)]
    if zigzag.max() > 255:
        planes.append((zigzag >> 8).astype(np.uint8))
    height, width = image.stored.shape
    header = LAYOUT.pack(
        MAGIC,
        len(planes),
        FUNCTIONS.index(image.function),
        image.inverted,
        image.bits,
        height,
        width,
        image.slope,
        image.intercept,
        image.centre,
        image.width,
    )
    return gzip.compress(header + b"".join(plane.tobytes() for plane in planes), GZIP_LEVEL, mtime=0)


def unpack(packed: bytes) -> FullDepthImage:
    """Return the image that `pack` has packed."""
    content = gzip.decompress(packed)
    image = _unpacked_header(content)
    height, width = image.stored.shape
    planes = np.frombuffer(content, np.uint8, offset=LAYOUT.size).reshape(-1, height, width)
    zigzag = planes[0].astype("<u2")
    if len(planes) > 1:
        zigzag |= planes[1].astype("<u2") << 8
    differences = (zigzag >> 1) ^ (np.uint16(0) - (zigzag & 1))
    differences[:, 0] = np.cumsum(differences[:, 0], dtype=np.uint16)
    return replace(image, stored=np.cumsum(differences, axis=1, dtype=np.uint16))


def unpack_header(packed: bytes) -> FullDepthImage:
    """Return the image that `pack` has packed, with zeros for its pixels, which stay packed."""
    with gzip.open(io.BytesIO(packed)) as content:
        return _unpacked_header(content.read(LAYOUT.size))


def _unpacked_header(content: bytes) -> FullDepthImage:
    _magic, _planes, function, inverted, bits, height, width, slope, intercept, centre, window = (
        LAYOUT.unpack_from(content)
    )
    pixels = np.broadcast_to(np.uint16(0), (height, width))
    return FullDepthImage(pixels, bits, slope, intercept, centre, window, FUNCTIONS[function], bool(inverted))


def _from_raster(raster: Raster) -> FullDepthImage:
    return _from_grey(raster.grey, bits=raster.bits, full=2**raster.bits - 1, inverted=False)


def _from_grey(grey: Grey, *, bits: int, full: int, inverted: bool) -> FullDepthImage:
    stored = np.rint(np.clip(grey, 0, 1) * np.float32(full)).astype(np.uint16)
    return FullDepthImage(stored, bits, 1.0, 0.0, full / 2, float(full), "LINEAR_EXACT", inverted)


def _from_dicom(stored: NDArray[Any], dataset: pydicom.Dataset) -> FullDepthImage:
    inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    slope, intercept = rescale_of(dataset)
    if dataset.get("ModalityLUTSequence"):
        stored, slope, intercept = np.asarray(apply_modality_lut(stored, dataset)), 1.0, 0.0
    if dataset.get("VOILUTSequence"):
        # A VOI LUT is not a window: the viewer windows the values that the table returns.
        values = (
            stored * np.float32(slope) + np.float32(intercept) if (slope, intercept) != (1, 0) else stored
        )
        grey = apply_voi_lut(values, dataset.VOILUTSequence[0])
        return _from_grey(grey, bits=16, full=65535, inverted=inverted)
    lowest = int(stored.min())
    shifted = (stored.astype(np.int32) - lowest).astype(np.uint16)
    centre, width, function = _initial_window(stored, dataset, slope, intercept)
    bits = max(int(dataset.BitsStored), 8)
    return FullDepthImage(shifted, bits, slope, intercept + lowest * slope, centre, width, function, inverted)


def _initial_window(
    stored: NDArray[Any], dataset: pydicom.Dataset, slope: float, intercept: float
) -> tuple[float, float, str]:
    """Return centre, width and function of the window that gives the grey values of `voi.to_display_grey`."""
    window = window_of(dataset)
    if window:
        function = voi_function_of(dataset)
        return *window, function if function in FUNCTIONS else "LINEAR"
    if dataset.BitsStored == 8 and stored.dtype == np.uint8 and (slope, intercept) == (1, 0):
        return 127.5, 255.0, "LINEAR_EXACT"
    ends = (int(stored.min()) * slope + intercept, int(stored.max()) * slope + intercept)
    return sum(ends) / 2, abs(ends[1] - ends[0]) or 1.0, "LINEAR_EXACT"
