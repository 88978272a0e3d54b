"""Decoding of DICOM files to grey values and header; limits are checked before decoding."""

from __future__ import annotations

import io
import warnings
from typing import Any, Final

import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.pixels import pixel_array

from ml.errors import UnreadableImage
from ml.images.deflated import read_deflated
from ml.images.dicom_frames import MULTI_FRAME, check_pixel_data
from ml.images.dicom_header import header_of, transfer_syntax
from ml.images.raster import Raster, colour_of, to_grey
from ml.images.size_limits import check_size
from ml.images.voi import to_display_grey
from ml.records import DicomHeader

MODALITIES: Final = frozenset({"CR", "DX", "OT", ""})
MONOCHROME: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
UNSUPPORTED: Final = "This DICOM file stores its pixels in a way that is not supported."
# For each transfer syntax the decoder that crashed least on mutated files; GDCM aborts the process on some
# of them, which is why uploads are decoded in a child process.
DECODERS: Final[dict[str, str]] = {
    uid.ImplicitVRLittleEndian: "",
    uid.ExplicitVRLittleEndian: "",
    uid.ExplicitVRBigEndian: "",
    uid.DeflatedExplicitVRLittleEndian: "",
    uid.RLELossless: "pydicom",
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGExtended12Bit: "pillow",  # of 8 bits; see `_decoded`
    uid.JPEGLossless: "gdcm",
    uid.JPEGLosslessSV1: "gdcm",
    uid.JPEGLSLossless: "pyjpegls",
    uid.JPEGLSNearLossless: "pyjpegls",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
}


def read_dicom(content: bytes) -> tuple[Raster, DicomHeader]:
    """Return display grey and header; raises UnreadableImage or an error of a decoder."""
    dataset, stored = read_stored(content)
    bits = int(dataset.BitsStored)
    if dataset.SamplesPerPixel == 3:  # pixel_array has converted YBR to RGB
        full = 2**bits - 1
        raster = Raster(to_grey(stored, full=full), max(bits, 8), colour_of(stored, full=full))
    else:
        raster = Raster(to_display_grey(stored, dataset), max(bits, 8))
    return raster, header_of(dataset)


def read_stored(content: bytes) -> tuple[pydicom.Dataset, NDArray[Any]]:
    """Return data set and stored pixels (rows, columns[, 3]); raises UnreadableImage or a decoder's error."""
    syntax = transfer_syntax(content)
    if syntax not in DECODERS:
        raise UnreadableImage("unsupported_encoding", UNSUPPORTED)
    is_deflated = syntax == uid.DeflatedExplicitVRLittleEndian
    dataset = read_deflated(content) if is_deflated else pydicom.dcmread(io.BytesIO(content))
    _check_header(dataset)
    stored = _decoded(dataset, syntax)
    if stored.shape[:2] != (dataset.Rows, dataset.Columns) or stored.shape[2:] not in ((), (3,)):
        raise UnreadableImage("multi_frame", MULTI_FRAME)
    return dataset, stored


def _decoded(dataset: pydicom.Dataset, syntax: str) -> NDArray[Any]:
    """Return the stored pixels; raises a decoder's error, also for its warning about compressed pixels."""
    plugin = DECODERS[syntax]
    if syntax == uid.JPEGExtended12Bit and dataset.BitsStored != 8:
        # GDCM takes the process from the frame itself; pydicom calls it only under the name of another one.
        dataset.file_meta.TransferSyntaxUID, plugin = uid.JPEGLosslessSV1, "gdcm"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stored = pixel_array(dataset, decoding_plugin=plugin)
    if caught and uid.UID(syntax).is_compressed:
        raise UnreadableImage("damaged", "This file is damaged and cannot be decoded.")
    return stored


def _check_header(dataset: pydicom.Dataset) -> None:
    if str(dataset.get("Modality", "") or "") not in MODALITIES:
        raise UnreadableImage("not_an_xray_modality", "This DICOM file is not a plain X-ray (CR or DX).")
    if "PixelData" not in dataset or not dataset.get("Rows") or not dataset.get("Columns"):
        raise UnreadableImage("no_pixels", "This DICOM file contains no image.")
    check_size(int(dataset.Rows), int(dataset.Columns))
    interpretation = dataset.PhotometricInterpretation
    grey = dataset.SamplesPerPixel == 1 and interpretation in MONOCHROME
    colour = dataset.SamplesPerPixel == 3 and interpretation not in MONOCHROME
    if not (grey or colour) or dataset.BitsAllocated not in (8, 16):
        raise UnreadableImage("unsupported_encoding", UNSUPPORTED)
    if dataset.file_meta.TransferSyntaxUID == uid.JPEGExtended12Bit and colour and dataset.BitsStored != 8:
        raise UnreadableImage("unsupported_encoding", UNSUPPORTED)
    check_pixel_data(dataset)
