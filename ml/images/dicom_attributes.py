"""The attributes of a DICOM file without its pixels, each of them readable."""

from __future__ import annotations

import io
import warnings

import pydicom
from pydicom.charset import decode_element, default_encoding


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
    encodings = header.get("SpecificCharacterSet") or default_encoding
    for tag in list(header.keys()):
        try:
            element = header[tag]
            if element.VR != "SQ":
                decode_element(element, encodings)
            element.to_json(None, bulk_data_threshold=1 << 30) if element.VR != "SQ" else len(element.value)
            readable.add(element)
        except Exception:  # noqa: S112 - pydicom raises many kinds of errors for a damaged value
            continue
    return readable
