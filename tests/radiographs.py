"""Drawn chest-like images as PNG, JPEG and DICOM; none shows a patient."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

Size = tuple[int, int]  # height, width


def radiograph_grey(seed: int = 0, size: Size = (256, 256)) -> NDArray[np.float64]:
    """Return two dark lungs in a bright chest with noise; 0 is black, 1 is white."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    y, x = y / size[0], x / size[1]
    grey = 0.75 - 0.25 * (2 * x - 1) ** 2
    for centre in (0.3, 0.7):
        lean, height = random.normal(0, 0.02), random.uniform(0.28, 0.36)
        inside = ((x - centre - lean) / 0.16) ** 2 + ((y - 0.5) / height) ** 2
        grey -= 0.45 / (1 + np.exp(12 * (inside - 1)))
    grey += 0.04 * np.sin(40 * y + random.uniform(0, 6)) + random.normal(0, 0.02, size)
    return np.clip(grey, 0, 1)


def radiograph_png(seed: int = 0, size: Size = (256, 256)) -> bytes:
    """Return a drawn radiograph as an 8-bit greyscale PNG."""
    return _saved(_eight_bits(seed, size), "PNG")


def individual_radiograph_png(seed: int) -> bytes:
    """Return a drawn radiograph that is no near-duplicate of another seed's, because its shades differ.

    The plain drawings share one anatomy; the search for near-duplicates may take two of them for one image.
    """
    random = np.random.default_rng(seed)
    grey = radiograph_grey(seed)
    y, x = np.mgrid[0:1:256j, 0:1:256j]
    for _ in range(12):
        centre_x, centre_y, radius = *random.uniform(0, 1, 2), random.uniform(0.05, 0.2)
        distance_squared = (x - centre_x) ** 2 + (y - centre_y) ** 2
        grey += random.uniform(-0.15, 0.15) * np.exp(-distance_squared / radius**2)
    return _saved((np.clip(grey, 0, 1) * 255).round().astype(np.uint8), "PNG")


def radiograph_png16(seed: int = 0, size: Size = (256, 256)) -> bytes:
    """Return a drawn radiograph as a 16-bit greyscale PNG."""
    return _saved((radiograph_grey(seed, size) * 65535).round().astype(np.uint16), "PNG")


def radiograph_jpeg(seed: int = 0, size: Size = (256, 256), quality: int = 95) -> bytes:
    """Return a drawn radiograph as a greyscale JPEG."""
    return _saved(_eight_bits(seed, size), "JPEG", quality=quality)


def radiograph_dicom(
    seed: int = 0,
    size: Size = (256, 256),
    *,
    bits: int = 12,
    photometric: str = "MONOCHROME2",
    modality: str = "DX",
    **tags: object,
) -> bytes:
    """Return a drawn radiograph as an uncompressed DICOM file; `tags` are DICOM keywords."""
    top = 2**bits - 1
    grey = radiograph_grey(seed, size)
    pixels = ((1 - grey if photometric == "MONOCHROME1" else grey) * top).round().astype(np.uint16)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["radiograph", str(seed)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    radiograph = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    radiograph.SOPClassUID = meta.MediaStorageSOPClassUID
    radiograph.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    radiograph.Modality = modality
    radiograph.PhotometricInterpretation = photometric
    radiograph.SamplesPerPixel = 1
    radiograph.Rows, radiograph.Columns = size
    radiograph.BitsAllocated, radiograph.BitsStored, radiograph.HighBit = 16, bits, bits - 1
    radiograph.PixelRepresentation = 0
    radiograph.ViewPosition = "PA"
    radiograph.PixelData = pixels.tobytes()
    for keyword, value in tags.items():
        setattr(radiograph, keyword, value)
    out = io.BytesIO()
    radiograph.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _eight_bits(seed: int, size: Size) -> NDArray[np.uint8]:
    return (radiograph_grey(seed, size) * 255).round().astype(np.uint8)


def _saved(pixels: NDArray[np.generic], kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()
