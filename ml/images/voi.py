"""Stored DICOM values become shown grey (PS3.3 C.11): modality, then window or VOI table, then polarity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import apply_modality_lut

from ml.records import Grey


def displayed(stored: NDArray[Any], dataset: pydicom.Dataset) -> Grey:
    """Return what a viewer shows, 0 black to 1 white."""
    values = _rescaled(stored, dataset)
    window = window_of(dataset)
    if dataset.get("VOILUTSequence"):
        grey = tabled(values, dataset.VOILUTSequence[0])
    elif window:
        grey = _windowed(values.astype(np.float32), *window, function_of(dataset))
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
    # In place and in 32 bits, which hold 16-bit pixels exactly: pydicom's 64 bits cost a large radiograph
    # half of the decoder's memory.
    values = stored.astype(np.float32)
    values *= np.float32(slope)
    values += np.float32(intercept)
    return values


def rescale_of(dataset: pydicom.Dataset) -> tuple[float, float]:
    """Return slope and intercept of the modality's rescale, (1, 0) where the file gives none."""
    slope, intercept = _first(dataset.get("RescaleSlope")), _first(dataset.get("RescaleIntercept"))
    return (1.0, 0.0) if slope is None or intercept is None else (slope, intercept)


def function_of(dataset: pydicom.Dataset) -> str:
    """Return the window's function: LINEAR where the file names none."""
    return str(dataset.get("VOILUTFunction", "") or "LINEAR")


def window_of(dataset: pydicom.Dataset) -> tuple[float, float] | None:
    """Return centre and width of the file's first window, None where there is no usable one."""
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    return (centre, width) if centre is not None and width is not None and width > 0 else None


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    if hasattr(value, "__len__") and not isinstance(value, str):
        return float(value[0]) if len(value) else None
    return float(value)


def _windowed(values: NDArray[np.float32], centre: float, width: float, function: str) -> Grey:
    """Apply a window as PS3.3 C.11.2.1.2 and C.11.2.1.3 write it, onto 0 to 1."""
    if function == "SIGMOID":
        steps = (values - np.float32(centre)) * np.float32(-4 / width)
        return np.float32(1) / (np.float32(1) + np.exp(np.minimum(steps, 80)))  # e^80 is still a float32
    if function != "LINEAR_EXACT":
        centre, width = centre - 0.5, max(width - 1, 1e-6)  # a width of 1 is a threshold
    shown = values - np.float32(centre)
    shown /= np.float32(width)
    shown += np.float32(0.5)
    return np.clip(shown, 0, 1, out=shown)


def tabled(values: NDArray[Any], table: pydicom.Dataset) -> Grey:
    """Apply a VOI table to rescaled values, onto 0 to 1."""
    # Not pydicom's apply_voi: for 8-bit tables its indices wrap at 256 (seen in 3.0.2).
    entries, first, depth = (int(number) for number in table.LUTDescriptor)
    if first > 32767 and values.min() < 0:
        first -= 65536  # a signed first value, read as unsigned
    steps = _entries(table, entries or 65536).astype(np.float32) / np.float32(2**depth - 1)
    at = np.clip(np.rint(values).astype(np.int32) - first, 0, len(steps) - 1)
    return steps[at]


def _entries(table: pydicom.Dataset, count: int) -> NDArray[Any]:
    stored = table.LUTData
    if not isinstance(stored, bytes):
        return np.asarray(stored)
    return np.frombuffer(stored, np.uint8 if len(stored) < 2 * count else "<u2")[:count]


def _stretched(values: NDArray[np.float32]) -> Grey:
    # Without a window a 16-bit radiograph seldom fills its range; viewers then show darkest to brightest.
    low, high = values.min(), values.max()
    return (values - low) / max(high - low, np.float32(1e-6))
