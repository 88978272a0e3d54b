"""A radiograph's stored grey in full depth, with the window it starts in, packed for a viewer in a browser."""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import apply_modality_lut

from ml.images.dicom import read_stored
from ml.images.raster import Raster, colour_of, read_raster, to_grey
from ml.images.reading import check_file, decoding
from ml.images.voi import function_of, rescale_of, tabled, window_of
from ml.records import Grey

MAGIC: Final = b"RRPX"
LAYOUT: Final = struct.Struct("<4sBBBBIIdddd16x")  # 64 bytes; the pixels follow
FUNCTIONS: Final = ("LINEAR", "LINEAR_EXACT", "SIGMOID")  # PS3.3 C.11.2.1.2 and C.11.2.1.3
FASTEST: Final = 1  # of gzip: slower levels gain less than a tenth


@dataclass(frozen=True)
class BitDepth:
    """Stored grey, (height, width), 0 to 65535; real value = stored * slope + intercept."""

    stored: NDArray[np.uint16]
    bits: int
    slope: float
    intercept: float
    centre: float  # of the window at the start, in real values
    width: float
    function: str  # one of FUNCTIONS
    turned: bool  # MONOCHROME1: the lowest value is white


def read_bit_depth(content: bytes) -> BitDepth:
    """Read the grey of a PNG, JPEG or DICOM radiograph before any window; raises UnreadableImage."""
    kind = check_file(content)
    with decoding():
        if kind != "DICOM":
            return _of_raster(read_raster(content, kind))
        dataset, stored = read_stored(content)
        if dataset.SamplesPerPixel == 3:
            full, bits = 2**dataset.BitsStored - 1, max(int(dataset.BitsStored), 8)
            return _of_raster(Raster(to_grey(stored, full=full), bits, colour_of(stored, full=full)))
        return _of_dicom(stored, dataset)


def pack(depth: BitDepth) -> bytes:
    """Pack for the wire: gzip of a header of 64 bytes and the differences of neighbours, in byte planes.

    Each pixel is told as its difference from the pixel to its left (the first of a row from the one above),
    modulo 65536, folded so that small differences of either sign are small numbers. On radiographs with the grain
    of a detector that takes about three quarters of what gzip makes of the plain values, in less time.
    """
    steps = depth.stored.astype("<u2", copy=True)
    steps[:, 1:] -= depth.stored[:, :-1]
    steps[1:, 0] -= depth.stored[:-1, 0]
    signed = steps.view("<i2")
    folded = ((signed << 1) ^ (signed >> 15)).view("<u2")
    planes = [(folded & 255).astype(np.uint8)]
    if folded.max() > 255:
        planes.append((folded >> 8).astype(np.uint8))
    height, width = depth.stored.shape
    header = LAYOUT.pack(
        MAGIC,
        len(planes),
        FUNCTIONS.index(depth.function),
        depth.turned,
        depth.bits,
        height,
        width,
        depth.slope,
        depth.intercept,
        depth.centre,
        depth.width,
    )
    return gzip.compress(header + b"".join(plane.tobytes() for plane in planes), FASTEST, mtime=0)


def _of_raster(found: Raster) -> BitDepth:
    full = 255 if found.bits == 8 else 65535
    return _of_grey(found.grey, bits=8 if found.bits == 8 else 16, full=full, turned=False)


def _of_grey(grey: Grey, *, bits: int, full: int, turned: bool) -> BitDepth:
    stored = np.rint(np.clip(grey, 0, 1) * np.float32(full)).astype(np.uint16)
    return BitDepth(stored, bits, 1.0, 0.0, full / 2, float(full), "LINEAR_EXACT", turned)


def _of_dicom(stored: NDArray[Any], dataset: pydicom.Dataset) -> BitDepth:
    turned = dataset.PhotometricInterpretation == "MONOCHROME1"
    slope, intercept = rescale_of(dataset)
    if dataset.get("ModalityLUTSequence"):
        stored, slope, intercept = np.asarray(apply_modality_lut(stored, dataset)), 1.0, 0.0
    if dataset.get("VOILUTSequence"):
        # A table is no window: its own values are what the reader windows further.
        values = (
            stored * np.float32(slope) + np.float32(intercept) if (slope, intercept) != (1, 0) else stored
        )
        return _of_grey(tabled(values, dataset.VOILUTSequence[0]), bits=16, full=65535, turned=turned)
    lowest = int(stored.min())
    shifted = (stored.astype(np.int32) - lowest).astype(np.uint16)
    centre, width, function = _start(stored, dataset, slope, intercept)
    bits = max(int(dataset.BitsStored), 8)
    return BitDepth(shifted, bits, slope, intercept + lowest * slope, centre, width, function, turned)


def _start(
    stored: NDArray[Any], dataset: pydicom.Dataset, slope: float, intercept: float
) -> tuple[float, float, str]:
    """Give the window that shows the radiograph as `ml.voi.displayed` does."""
    window = window_of(dataset)
    if window:
        function = function_of(dataset)
        return *window, function if function in FUNCTIONS else "LINEAR"
    if dataset.BitsStored == 8 and stored.dtype == np.uint8 and (slope, intercept) == (1, 0):
        return 127.5, 255.0, "LINEAR_EXACT"
    ends = (int(stored.min()) * slope + intercept, int(stored.max()) * slope + intercept)
    return sum(ends) / 2, abs(ends[1] - ends[0]) or 1.0, "LINEAR_EXACT"
