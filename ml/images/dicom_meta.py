"""The file meta information of a DICOM file, read without its data set."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from typing import Final

from pydicom.filereader import read_dataset

from ml.images.dicom_header import PREAMBLE

MAX_META: Final = 65536  # bytes that are read; the group has a few hundred
UID: Final = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True)
class InstanceMeta:
    """What the file meta information names; empty where it is missing or damaged."""

    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax: str = ""


def read_instance_meta(content: bytes) -> InstanceMeta:
    """Return the meta information of a file; of any other file, and of a damaged one, empty values."""
    if content[128:132] != b"DICM":
        return InstanceMeta()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that break a rule of DICOM
            return _meta(content)
    except Exception:  # pydicom raises many kinds of errors for a damaged file
        return InstanceMeta()


def _meta(content: bytes) -> InstanceMeta:
    meta = read_dataset(
        io.BytesIO(content[PREAMBLE : PREAMBLE + MAX_META]),
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag.group != 2,
    )
    names = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")
    return InstanceMeta(*(_uid(str(meta.get(name, ""))) for name in names))


def _uid(text: str) -> str:
    return text if UID.fullmatch(text) else ""
