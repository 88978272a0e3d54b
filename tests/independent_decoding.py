"""The display grey of a file by libraries that the decoders of ml do not use: imagecodecs and NumPy.

ml decodes with Pillow, OpenCV, pydicom, pylibjpeg and pyjpegls, and only lossless and 12-bit JPEG with GDCM.
"""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any, Final

import imagecodecs
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.encaps import generate_frames

LUMA: Final = (0.299, 0.587, 0.114)  # ITU-R BT.601
WINDOWED: Final = ("WindowCenter", "VOILUTSequence", "ModalityLUTSequence", "RescaleSlope")
DECODERS: Final = {
    uid.JPEGBaseline8Bit: imagecodecs.jpeg8_decode,
    uid.JPEGExtended12Bit: imagecodecs.jpeg8_decode,
    uid.JPEGLossless: imagecodecs.jpeg8_decode,
    uid.JPEGLosslessSV1: imagecodecs.jpeg8_decode,
    uid.JPEGLSLossless: imagecodecs.jpegls_decode,
    uid.JPEGLSNearLossless: imagecodecs.jpegls_decode,
    uid.JPEG2000Lossless: imagecodecs.jpeg2k_decode,
    uid.JPEG2000: imagecodecs.jpeg2k_decode,
}


def independent_grey(content: bytes) -> NDArray[np.float64] | None:
    """Return grey from 0 to 1, or None for colour DICOM, a window and EXIF, which other tests compare."""
    if content.startswith(b"\x89PNG"):
        return _grey(imagecodecs.png_decode(content))
    if content.startswith(b"\xff\xd8"):
        return _grey(imagecodecs.jpeg8_decode(content)) if b"Exif" not in content else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _dicom_grey(pydicom.dcmread(io.BytesIO(content)))


def _grey(pixels: NDArray[Any]) -> NDArray[np.float64]:
    full = 255 if pixels.dtype == np.uint8 else 65535
    grey = pixels.astype(np.float64) / full
    if grey.ndim == 2:
        return grey
    alpha = grey[..., -1] if grey.shape[2] in (2, 4) else 1.0
    colours = grey[..., :3] @ np.array(LUMA) if grey.shape[2] >= 3 else grey[..., 0]
    return colours * alpha


def _dicom_grey(dataset: pydicom.Dataset) -> NDArray[np.float64] | None:
    if dataset.SamplesPerPixel != 1 or any(keyword in dataset for keyword in WINDOWED):
        return None
    stored = _without_unused_bits(_stored(dataset), dataset)
    if dataset.BitsStored == 8 and stored.dtype == np.uint8:
        grey = stored / 255
    else:
        low, high = float(stored.min()), float(stored.max())
        grey = (stored - low) / (high - low)
    return 1 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey


def _without_unused_bits(stored: NDArray[Any], dataset: pydicom.Dataset) -> NDArray[Any]:
    """Return the bits up to the high bit; those above may hold anything (PS3.5, 8.1.1)."""
    unused = dataset.BitsAllocated - dataset.BitsStored
    return (stored << unused) >> unused


def _stored(dataset: pydicom.Dataset) -> NDArray[Any]:
    syntax, shape = dataset.file_meta.TransferSyntaxUID, (dataset.Rows, dataset.Columns)
    order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
    sign = "i" if dataset.PixelRepresentation else "u"
    kind = np.dtype(f"{order}{sign}{dataset.BitsAllocated // 8}")
    if not syntax.is_compressed:
        return np.frombuffer(dataset.PixelData, kind, count=shape[0] * shape[1]).reshape(shape)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    if syntax == uid.RLELossless:
        return _from_rle(frame, shape, kind)
    return np.asarray(DECODERS[syntax](frame)).astype(kind.newbyteorder("="), copy=False)


def _from_rle(frame: bytes, shape: tuple[int, int], kind: np.dtype[Any]) -> NDArray[Any]:
    """Decode a frame of PS3.5 annex G: one PackBits segment for each byte of a pixel, the highest first."""
    count, *offsets = struct.unpack_from("<16I", frame)
    ends = [*offsets[1:count], len(frame)]
    planes = []
    for start, end in zip(offsets[:count], ends, strict=True):
        plane = np.frombuffer(imagecodecs.packbits_decode(frame[start:end]), np.uint8)
        planes.append(plane[: shape[0] * shape[1]].reshape(shape))
    return np.stack(planes, axis=-1).view(kind.newbyteorder(">"))[..., 0].astype(kind.newbyteorder("="))
