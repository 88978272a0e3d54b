"""A DICOM instance from a header and the grey values of `full_depth`, uncompressed."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)
from pydicom.valuerep import format_number_as_ds

from ml.images.full_depth import FullDepthImage

SOP_CLASSES: Final = {"CR": ComputedRadiographyImageStorage, "DX": DigitalXRayImageStorageForPresentation}
IMPLEMENTATION: Final = UID("2.25.219926694459113750747437098430108165159")
MEASURED: Final = (  # of the encoding of the original, which these grey values replace
    *("ModalityLUTSequence", "VOILUTSequence", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("SmallestImagePixelValue", "LargestImagePixelValue", "PlanarConfiguration", "NumberOfFrames"),
    *("WindowCenterWidthExplanation", "PixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
    *("ICCProfile", "ColorSpace", "RedPaletteColorLookupTableDescriptor", "PresentationLUTSequence"),
)


def sop_class_of(modality: str) -> UID:
    """Return the class of the instances of a modality: Secondary Capture for what is no CR or DX."""
    return SOP_CLASSES.get(modality, SecondaryCaptureImageStorage)


def describe_pixels(dataset: pydicom.Dataset, image: FullDepthImage) -> None:
    """Set the attributes of the pixels in a data set, without the pixels themselves."""
    for keyword in MEASURED:
        if keyword in dataset:
            del dataset[keyword]
    height, width = image.stored.shape
    dataset.SamplesPerPixel, dataset.Rows, dataset.Columns = 1, height, width
    dataset.PhotometricInterpretation = "MONOCHROME1" if image.inverted else "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, image.bits, image.bits - 1
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope, dataset.RescaleIntercept = _decimal(image.slope), _decimal(image.intercept)
    dataset.RescaleType = "US"
    dataset.WindowCenter, dataset.WindowWidth = _decimal(image.centre), _decimal(image.width)
    dataset.VOILUTFunction = image.function


def little_endian(image: FullDepthImage) -> bytes:
    """Return the pixels as 16-bit words, the lowest byte first."""
    return np.ascontiguousarray(image.stored, "<u2").tobytes()


def encode(dataset: pydicom.Dataset, image: FullDepthImage) -> bytes:
    """Return a DICOM file of a data set that `describe_pixels` has described, and its pixels."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        dataset.SOPClassUID,
        dataset.SOPInstanceUID,
    )
    meta.TransferSyntaxUID, meta.ImplementationClassUID = ExplicitVRLittleEndian, IMPLEMENTATION
    meta.ImplementationVersionName = "READROOM"
    file = FileDataset("", dataset, file_meta=meta, preamble=b"\0" * 128)
    file.add_new("PixelData", "OW", little_endian(image))
    out = io.BytesIO()
    file.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _decimal(number: float) -> str:
    return format_number_as_ds(float(number))
