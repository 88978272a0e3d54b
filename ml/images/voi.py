"""Conversion of stored DICOM values to display grey (PS3.3 C.11): rescale, window or LUT, polarity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import apply_modality_lut

from ml.records import Grey


def to_display_grey(stored: NDArray[Any], dataset: pydicom.Dataset) -> Grey:
    """Return the grey that a viewer displays, same shape, 0 black to 1 white."""
    values = _rescaled(stored, dataset)
    window = window_of(dataset)
    if dataset.get("VOILUTSequence"):
        grey = apply_voi_lut(values, dataset.VOILUTSequence[0])
    elif window:
        grey = _windowed(values.astype(np.float32), *window, voi_function_of(dataset))
    elif dataset.BitsStored == 8 and values.dtype == np.uint8:
        grey = values.astype(np.float32) / np.float32(255)
    else:
        grey = _stretched(values.astype(np.float32))
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        np.subtract(1, grey, out=grey)
    return grey


def _rescaled(stored: NDArray[Any], dataset: pydicom.Dataset) -> NDArray[Any]:
    if dataset.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(stored, dataset))
    slope, intercept = rescale_of(dataset)
    if (slope, intercept) == (1, 0):
        return stored
    # In place and in 32 bits, which hold 16-bit pixels exactly: the 64 bits of pydicom would take half of
    # the decoder's memory for a large radiograph.
    values = stored.astype(np.float32)
    values *= np.float32(slope)
    values += np.float32(intercept)
    return values


def rescale_of(dataset: pydicom.Dataset) -> tuple[float, float]:
    """Return RescaleSlope and RescaleIntercept, (1, 0) if the file gives none."""
    slope, intercept = _first(dataset.get("RescaleSlope")), _first(dataset.get("RescaleIntercept"))
    return (1.0, 0.0) if slope is None or intercept is None else (slope, intercept)


def voi_function_of(dataset: pydicom.Dataset) -> str:
    """Return VOILUTFunction, LINEAR if the file gives none."""
    return str(dataset.get("VOILUTFunction", "") or "LINEAR")


def window_of(dataset: pydicom.Dataset) -> tuple[float, float] | None:
    """Return WindowCenter and WindowWidth of the first window, None if there is no usable one."""
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    return (centre, width) if centre is not None and width is not None and width > 0 else None


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    if hasattr(value, "__len__") and not isinstance(value, str):
        return float(value[0]) if len(value) else None
    return float(value)


def _windowed(values: NDArray[np.float32], centre: float, width: float, function: str) -> Grey:
    """Apply a window function of PS3.3 C.11.2.1.2 or C.11.2.1.3; returns values from 0 to 1."""
    if function == "SIGMOID":
        exponent = (values - np.float32(centre)) * np.float32(-4 / width)
        return np.float32(1) / (np.float32(1) + np.exp(np.minimum(exponent, 80)))  # e^80 is still a float32
    if function != "LINEAR_EXACT":
        centre, width = centre - 0.5, max(width - 1, 1e-6)  # a width of 1 is a threshold
    grey = values - np.float32(centre)
    grey /= np.float32(width)
    grey += np.float32(0.5)
    return np.clip(grey, 0, 1, out=grey)


def apply_voi_lut(values: NDArray[Any], table: pydicom.Dataset) -> Grey:
    """Apply a VOI LUT to rescaled values; returns values from 0 to 1, same shape."""
    # pydicom 3.0.2 is not used here: for 8-bit tables the indices of its apply_voi wrap at 256.
    entries, first, depth = (int(number) for number in table.LUTDescriptor)
    if first > 32767 and values.min() < 0:
        first -= 65536  # a signed first value, read as unsigned
    lut = _entries(table, entries or 65536).astype(np.float32) / np.float32(2**depth - 1)
    index = np.clip(np.rint(values).astype(np.int32) - first, 0, len(lut) - 1)
    return lut[index]


def _entries(table: pydicom.Dataset, count: int) -> NDArray[Any]:
    stored = table.LUTData
    if not isinstance(stored, bytes):
        return np.asarray(stored)
    return np.frombuffer(stored, np.uint8 if len(stored) < 2 * count else "<u2")[:count]


def _stretched(values: NDArray[np.float32]) -> Grey:
    # Without a window a 16-bit radiograph seldom fills its range; viewers then stretch minimum to maximum.
    low, high = values.min(), values.max()
    return (values - low) / max(high - low, np.float32(1e-6))
