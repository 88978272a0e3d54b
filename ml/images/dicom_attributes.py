"""The attributes of a DICOM file without its pixels, each of them readable."""

from __future__ import annotations

import io
import warnings
from typing import Final

import pydicom

MAX_VALUE: Final = 1 << 30  # bytes: every value is tried


def read_attributes(content: bytes) -> pydicom.Dataset:
    """Return the attributes of a DICOM file, texts decoded; one that cannot be read is left out.

    Raises what pydicom raises for a file that is no data set.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that break a rule of DICOM
        header = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
        return _readable(header)


def _readable(header: pydicom.Dataset) -> pydicom.Dataset:
    readable = pydicom.Dataset()
    for tag in list(header.keys()):
        try:
            element = header[tag]  # decodes its text
            element.to_json_dict(None, MAX_VALUE)
            readable.add(element)
        except Exception:  # noqa: S112 - pydicom raises many kinds of errors for a damaged value
            continue
    return readable
