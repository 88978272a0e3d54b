"""DICOM files become grey values and study facts; limits are checked before a pixel is decoded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.filereader import read_dataset
from pydicom.pixels import pixel_array
from pydicom.valuerep import DT

from ml.images.raster import Raster, colour_of, to_grey
from ml.images.size_limits import check_size
from ml.images.voi import displayed
from ml.records import UnreadableImage

PREAMBLE: Final = 132  # 128 free bytes and 'DICM'
MODALITIES: Final = frozenset({"CR", "DX", "OT", ""})
SIDE_VIEWS: Final = frozenset({"LL", "RL", "LLD", "RLD", "LAT", "LATERAL"})
PLAIN: Final = frozenset({"MONOCHROME1", "MONOCHROME2"})
UNSUPPORTED: Final = "This DICOM file stores its pixels in a way that is not supported."
# One decoder for each encoding, the one that survived mutated files best; GDCM aborts on some of them,
# which is why uploads are decoded in a child process.
DECODERS: Final[dict[str, str]] = {
    uid.ImplicitVRLittleEndian: "",
    uid.ExplicitVRLittleEndian: "",
    uid.ExplicitVRBigEndian: "",
    uid.RLELossless: "pydicom",
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGExtended12Bit: "pillow",
    uid.JPEGLossless: "gdcm",
    uid.JPEGLosslessSV1: "gdcm",
    uid.JPEGLSLossless: "pyjpegls",
    uid.JPEGLSNearLossless: "pyjpegls",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
}


@dataclass(frozen=True)
class Study:
    """What a DICOM file says besides its pixels; no name, no number."""

    view: str
    sex: str
    age: int | None
    study_at: datetime | None


def read_dicom(content: bytes) -> tuple[Raster, Study]:
    """Return the pixels and what is known of the study; raises UnreadableImage or a decoder's error."""
    dataset, stored = read_stored(content)
    bits = int(dataset.BitsStored)
    if dataset.SamplesPerPixel == 3:  # pixel_array has turned YBR into RGB
        full = 2**bits - 1
        found = Raster(to_grey(stored, full=full), max(bits, 8), colour_of(stored, full=full))
    else:
        found = Raster(displayed(stored, dataset), max(bits, 8))
    return found, _study(dataset)


def read_stored(content: bytes) -> tuple[pydicom.Dataset, NDArray[Any]]:
    """Return the data set and its pixels as stored; raises UnreadableImage or a decoder's error."""
    syntax = _transfer_syntax(content)
    dataset = pydicom.dcmread(io.BytesIO(content))
    _check_header(dataset)
    return dataset, pixel_array(dataset, decoding_plugin=DECODERS[syntax])


def _transfer_syntax(content: bytes) -> str:
    # The file meta alone: dcmread would inflate a deflated file whole, before anything can be checked.
    meta = read_dataset(
        io.BytesIO(content[PREAMBLE:]),
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag.group != 2,
    )
    syntax = str(meta.get("TransferSyntaxUID", ""))
    if syntax == uid.DeflatedExplicitVRLittleEndian:
        raise UnreadableImage("deflated_dicom", "Deflated DICOM files are not accepted.")
    if syntax not in DECODERS:
        raise UnreadableImage("unsupported_encoding", UNSUPPORTED)
    return syntax


def _check_header(dataset: pydicom.Dataset) -> None:
    if str(dataset.get("Modality", "") or "") not in MODALITIES:
        raise UnreadableImage("not_an_xray_modality", "This DICOM file is not a plain X-ray (CR or DX).")
    if "PixelData" not in dataset or not dataset.get("Rows") or not dataset.get("Columns"):
        raise UnreadableImage("no_pixels", "This DICOM file holds no image.")
    check_size(int(dataset.Rows), int(dataset.Columns))
    if int(dataset.get("NumberOfFrames", 1) or 1) > 1:
        raise UnreadableImage("multi_frame", "This DICOM file holds several frames; send one radiograph.")
    meaning = dataset.PhotometricInterpretation
    plain = dataset.SamplesPerPixel == 1 and meaning in PLAIN
    colour = dataset.SamplesPerPixel == 3 and meaning not in PLAIN
    if not (plain or colour) or dataset.BitsAllocated not in (8, 16):
        raise UnreadableImage("unsupported_encoding", UNSUPPORTED)
    if dataset.file_meta.TransferSyntaxUID == uid.JPEGExtended12Bit and dataset.BitsStored != 8:
        # GDCM gives wrong pixels for it, and the one decoder that is right is GPL.
        raise UnreadableImage("unsupported_encoding", UNSUPPORTED)


def _study(dataset: pydicom.Dataset) -> Study:
    return Study(
        view=_view(str(dataset.get("ViewPosition", "") or "").upper()),
        sex=str(dataset.get("PatientSex", "") or "") if dataset.get("PatientSex") in ("M", "F") else "",
        age=_age(str(dataset.get("PatientAge", "") or "")),
        study_at=_study_at(dataset),
    )


def _view(position: str) -> str:
    if position in SIDE_VIEWS:
        return "LATERAL"
    return position if position in ("PA", "AP") else ""


def _age(text: str) -> int | None:
    if len(text) != 4 or not text[:3].isdigit():
        return None
    return {"Y": int(text[:3]), "M": int(text[:3]) // 12, "W": int(text[:3]) // 52, "D": 0}.get(text[3])


def _study_at(dataset: pydicom.Dataset) -> datetime | None:
    date, time = str(dataset.get("StudyDate", "") or ""), str(dataset.get("StudyTime", "") or "")
    try:
        moment = DT(f"{date}{time}{dataset.get('TimezoneOffsetFromUTC', '') or ''}") if date else None
    except (ValueError, OverflowError):
        return None
    if moment is None:
        return None
    # A file without an offset means its hospital's own clock, which ml does not know: read as UTC.
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.fromtimestamp(aware.timestamp(), tz=UTC)
