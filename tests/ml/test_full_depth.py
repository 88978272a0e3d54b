"""Packing of a radiograph in full bit depth: every stored value and the initial window."""

from __future__ import annotations

import gzip
import io
import struct
from dataclasses import replace
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image

from ml.errors import UnreadableImage
from ml.images import full_depth
from ml.images.decode_in_child import pack_full_depth_in_child
from ml.images.decoding import decode_radiograph
from ml.images.full_depth import FullDepthImage, pack, read_full_depth
from tests.ml.encodings import saved
from tests.radiographs import (
    radiograph_dicom,
    radiograph_grey,
    radiograph_jpeg,
    radiograph_png,
    radiograph_png16,
)

WINDOWED: dict[str, Any] = {"WindowCenter": 1800, "WindowWidth": 900}


HEADER = (
    *("magic", "planes", "function", "inverted", "bits", "height", "width"),
    *("slope", "intercept", "centre", "window"),
)


def test_twelve_bits_in_a_16_bit_png_keep_their_values_and_window() -> None:
    stored = (radiograph_grey(1, (80, 90)) * 4095).astype(np.uint16)
    stored[0, 0] = 4000
    image = read_full_depth(saved(Image.fromarray(stored), "PNG"))
    np.testing.assert_array_equal(image.stored, stored)
    assert (image.bits, image.centre, image.width) == (12, 2047.5, 4095)


def unpack(packed: bytes) -> tuple[dict[str, Any], NDArray[np.uint16]]:
    """Read the format as specified in docs/adr/0011-viewer.md."""
    content = gzip.decompress(packed)
    head = dict(zip(HEADER, struct.unpack("<4sBBBBIIdddd", content[:48]), strict=True))
    count = head["height"] * head["width"]
    zigzag = np.zeros(count, np.int64)
    for plane in range(head["planes"]):
        start = 64 + plane * count
        zigzag += np.frombuffer(content[start : start + count], np.uint8).astype(np.int64) << (8 * plane)
    differences = np.where(zigzag % 2, -(zigzag // 2) - 1, zigzag // 2).reshape(head["height"], head["width"])
    differences[:, 0] = np.cumsum(differences[:, 0])
    return head, (np.cumsum(differences, axis=1) % 65536).astype(np.uint16)


def windowed(image: FullDepthImage) -> NDArray[np.float64]:
    """Apply the initial window with the formulas of PS3.3 C.11.2.1.2, in 64 bits."""
    x = image.stored.astype(np.float64) * image.slope + image.intercept
    if image.function == "SIGMOID":
        grey = 1 / (1 + np.exp(-4 * (x - image.centre) / image.width))
    elif image.function == "LINEAR":
        grey = np.clip((x - (image.centre - 0.5)) / (image.width - 1) + 0.5, 0, 1)
    else:
        grey = np.clip((x - image.centre) / image.width + 0.5, 0, 1)
    return 1 - grey if image.inverted else grey


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_every_stored_value_of_a_dicom_radiograph_is_packed(bits: int) -> None:
    content = radiograph_dicom(3, (97, 130), bits=bits, **WINDOWED)
    head, pixels = unpack(pack(read_full_depth(content)))
    stored = pydicom.dcmread(io.BytesIO(content)).pixel_array
    lowest = int(stored.min())
    assert np.array_equal(pixels.astype(int) + lowest, stored)
    assert (head["intercept"], head["slope"], head["bits"]) == (lowest, 1, bits)
    assert (head["centre"], head["window"]) == (1800, 900)


def test_signed_and_rescaled_values_keep_their_real_values() -> None:
    content = radiograph_dicom(4, bits=12, RescaleSlope=0.25, RescaleIntercept=-300)
    dataset = pydicom.dcmread(io.BytesIO(content))
    signed = (dataset.pixel_array.astype(np.int32) - 2048).astype(np.int16)
    dataset.PixelRepresentation, dataset.PixelData = 1, signed.tobytes()
    out = io.BytesIO()
    dataset.save_as(out)
    head, pixels = unpack(pack(read_full_depth(out.getvalue())))
    real = pixels * head["slope"] + head["intercept"]
    assert np.array_equal(real, signed * 0.25 - 300)


@pytest.mark.parametrize(
    "content",
    [
        radiograph_png(5),
        radiograph_png16(5),
        radiograph_jpeg(5),
        radiograph_dicom(5),
        radiograph_dicom(5, photometric="MONOCHROME1"),
        radiograph_dicom(5, **WINDOWED),
        radiograph_dicom(5, **WINDOWED, photometric="MONOCHROME1"),
        radiograph_dicom(5, **WINDOWED, VOILUTFunction="SIGMOID"),
        radiograph_dicom(5, **WINDOWED, VOILUTFunction="LINEAR_EXACT"),
        radiograph_dicom(5, **WINDOWED, RescaleSlope=2, RescaleIntercept=-100),
    ],
    ids=["png", "png16", "jpeg", "plain", "mono1", "window", "window+mono1", "sigmoid", "exact", "rescaled"],
)
def test_the_initial_window_gives_the_decoded_grey_values(content: bytes) -> None:
    assert windowed(read_full_depth(content)) == pytest.approx(decode_radiograph(content).grey, abs=2 / 65535)


def test_an_eight_bit_radiograph_is_packed_in_one_plane() -> None:
    head, pixels = unpack(pack(read_full_depth(radiograph_png(6, (70, 90)))))
    assert (head["planes"], head["bits"], pixels.shape) == (1, 8, (70, 90))


def test_alternating_black_and_white_pixels_are_packed_exactly() -> None:
    image = read_full_depth(radiograph_png16(7))
    alternating = np.tile(np.array([[0, 65535], [65535, 0]], np.uint16), (40, 40))
    packed = pack(
        FullDepthImage(alternating, 16, 1.0, 0.0, image.centre, image.width, image.function, inverted=False)
    )
    assert np.array_equal(unpack(packed)[1], alternating)


def test_the_child_process_packs_equal_bytes_and_refuses_a_truncated_file() -> None:
    content = radiograph_dicom(8)
    assert pack_full_depth_in_child(content) == pack(read_full_depth(content))
    with pytest.raises(UnreadableImage) as raised:
        pack_full_depth_in_child(content[:400])
    assert raised.value.code in {"damaged", "no_pixels"}


@pytest.mark.parametrize("bits", [8, 16])
def test_a_packed_image_is_unpacked_with_its_window(bits: int) -> None:
    image = read_full_depth(radiograph_dicom(4, (97, 130), bits=bits, photometric="MONOCHROME1", **WINDOWED))

    unpacked, header = full_depth.unpack(pack(image)), full_depth.unpack_header(pack(image))

    np.testing.assert_array_equal(unpacked.stored, image.stored)
    for found in (unpacked, header):
        assert replace(found, stored=image.stored) == image
        assert found.stored.shape == (97, 130)
