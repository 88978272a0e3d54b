"""Inflation of deflated DICOM files within a limit: dcmread would inflate any amount before a check."""

from __future__ import annotations

import io
import zlib
from typing import Final

import pydicom
from pydicom import uid
from pydicom.filereader import read_dataset

from ml.errors import UnreadableImage
from ml.images.size_limits import MAX_FILE_BYTES

PREAMBLE: Final = 132  # bytes: 128 of preamble and the prefix DICM
META_LENGTH: Final = 12  # bytes of the first element, which states the length of the others
META_GROUP: Final = 2
PIXEL_DATA: Final = 0x7FE00010
RAW_DEFLATE: Final = -zlib.MAX_WBITS  # RFC 1951 without a header, PS3.5 A.5


def read_deflated(content: bytes, *, header_only: bool = False) -> pydicom.Dataset:
    """Return the data set of a deflated file, as an uncompressed one; raises UnreadableImage.

    At most MAX_FILE_BYTES are inflated. For its header alone the file may end early.
    """
    meta = read_dataset(
        io.BytesIO(content[PREAMBLE:]),
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag.group != META_GROUP,
    )
    start = PREAMBLE + META_LENGTH + int(meta.FileMetaInformationGroupLength)
    dataset = read_dataset(
        io.BytesIO(_inflated(content[start:], may_end_early=header_only)),
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=(lambda tag, _vr, _length: tag >= PIXEL_DATA) if header_only else None,
    )
    dataset.file_meta = pydicom.dataset.FileMetaDataset(meta)
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    return dataset


def _inflated(deflated: bytes, *, may_end_early: bool) -> bytes:
    inflater = zlib.decompressobj(RAW_DEFLATE)
    try:
        content = inflater.decompress(deflated, MAX_FILE_BYTES)
    except zlib.error as error:
        raise UnreadableImage("damaged", "This file is damaged and cannot be decoded.") from error
    if inflater.unconsumed_tail:
        raise UnreadableImage("too_large", "This file is larger than 64 MB.")
    if not inflater.eof and not may_end_early:
        raise UnreadableImage("damaged", "This file is damaged and cannot be decoded.")
    return content
