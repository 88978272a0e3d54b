"""Encodings of a synthetic radiograph, each written by a tool that is not under test."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread, uid
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

Bytes8 = NDArray[np.uint8]
ORIENTATION = 0x0112


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def rgb(grey: Bytes8) -> Image.Image:
    return Image.fromarray(np.repeat(grey[..., None], 3, axis=2))


def palette_png(grey: Bytes8) -> bytes:
    image = Image.fromarray(255 - grey).convert("P")
    image.putpalette([255 - level for level in range(256) for _ in range(3)])
    return saved(image, "PNG")


def rotated_jpeg(grey: Bytes8) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # display it rotated by 90 degrees clockwise
    return saved(Image.fromarray(np.rot90(grey)), "JPEG", quality=98, exif=exif)


def dicom(stored: NDArray[Any], *, bits: int = 8, signed: bool = False, **tags: Any) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["encoding"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    radiograph = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    radiograph.SOPClassUID = meta.MediaStorageSOPClassUID
    radiograph.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    radiograph.Modality, radiograph.PhotometricInterpretation = "DX", "MONOCHROME2"
    radiograph.SamplesPerPixel = 1
    radiograph.Rows, radiograph.Columns = stored.shape[:2]
    radiograph.BitsAllocated = 8 if stored.itemsize == 1 else 16
    radiograph.BitsStored, radiograph.HighBit, radiograph.PixelRepresentation = bits, bits - 1, int(signed)
    radiograph.PixelData = stored.tobytes() + b"\0" * (stored.nbytes % 2)
    for keyword, value in tags.items():
        setattr(radiograph, keyword, value)
    return written(radiograph)


def written(radiograph: FileDataset) -> bytes:
    out = io.BytesIO()
    radiograph.save_as(out, enforce_file_format=True)
    return out.getvalue()


def dcmtk(tool: str, *options: str, radiograph: bytes, folder: Path) -> bytes:
    """Convert a radiograph with a tool of dcmtk and return the output; skips without dcmtk."""
    if shutil.which(tool) is None:
        pytest.skip(f"dcmtk is not installed ({tool})")
    source, target = folder / "source.dcm", folder / "target"
    source.write_bytes(radiograph)
    subprocess.run([tool, *options, str(source), str(target)], check=True, capture_output=True)
    return target.read_bytes()


def compressed_dicoms(plain: bytes, folder: Path) -> dict[str, bytes]:
    """Return an uncompressed 12-bit radiograph in each compressed transfer syntax that is accepted."""
    commands = {
        "JPEG Lossless SV1": ("dcmcjpeg", "+e1"),
        "JPEG Lossless": ("dcmcjpeg", "+el"),
        "JPEG Extended": ("dcmcjpeg", "+ee"),
        "JPEG-LS": ("dcmcjpls", "+el"),
        "JPEG-LS near-lossless": ("dcmcjpls", "+en"),
        "RLE": ("dcmcrle",),
    }
    files = {name: dcmtk(*command, radiograph=plain, folder=folder) for name, command in commands.items()}
    eight = dcmread(io.BytesIO(plain))
    pixels = (eight.pixel_array >> 4).astype(np.uint8)
    files["JPEG Baseline"] = dcmtk("dcmcjpeg", "+eb", radiograph=dicom(pixels), folder=folder)
    for name, syntax, options in (
        ("JPEG 2000 lossless", uid.JPEG2000Lossless, {}),
        ("JPEG 2000", uid.JPEG2000, {"j2k_cr": [5]}),
    ):
        radiograph = dcmread(io.BytesIO(plain))
        radiograph.compress(syntax, generate_instance_uid=False, **options)
        files[name] = written(radiograph)
    return files


def native_dicoms(plain: bytes, folder: Path) -> dict[str, bytes]:
    """Return a radiograph in each uncompressed transfer syntax."""
    return {
        "DICOM explicit": plain,
        "DICOM implicit": dcmtk("dcmconv", "+ti", radiograph=plain, folder=folder),
        "DICOM big endian": dcmtk("dcmconv", "+tb", radiograph=plain, folder=folder),
    }


def rasters(grey: Bytes8) -> dict[str, bytes]:
    """Return an image as PNG and JPEG of every kind that is accepted."""
    image, deep = Image.fromarray(grey), grey.astype(np.uint16) * 257
    return {
        "PNG, 8 bits": saved(image, "PNG"),
        "PNG, 16 bits": saved(Image.fromarray(deep), "PNG"),
        "PNG, colour": saved(rgb(grey), "PNG"),
        "PNG, 16-bit colour": cv2.imencode(".png", np.repeat(deep[..., None], 3, axis=2))[1].tobytes(),
        "PNG, palette": palette_png(grey),
        "PNG, alpha": saved(image.convert("LA"), "PNG"),
        "JPEG": saved(image, "JPEG", quality=95),
        "JPEG, colour": saved(rgb(grey), "JPEG", quality=95),
        "JPEG, progressive": saved(image, "JPEG", quality=95, progressive=True),
    }
