"""A radiograph's stored grey reaches the viewer whole, with the window it starts in."""

from __future__ import annotations

import gzip
import io
import struct
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from ml.images.bit_depth import BitDepth, pack, read_bit_depth
from ml.images.decode import pack_depth_in_child
from ml.images.reading import read_radiograph
from ml.records import UnreadableImage
from tests.radiographs import radiograph_dicom, radiograph_jpeg, radiograph_png, radiograph_png16

WINDOWED: dict[str, Any] = {"WindowCenter": 1800, "WindowWidth": 900}


HEAD = (
    *("magic", "planes", "function", "turned", "bits", "height", "width"),
    *("slope", "intercept", "centre", "window"),
)


def unpacked(packed: bytes) -> tuple[dict[str, Any], NDArray[np.uint16]]:
    """Read the format as docs/adr/0011-viewer.md tells it, pixel after pixel of the first column and rows."""
    content = gzip.decompress(packed)
    head = dict(zip(HEAD, struct.unpack("<4sBBBBIIdddd", content[:48]), strict=True))
    count = head["height"] * head["width"]
    folded = np.zeros(count, np.int64)
    for plane in range(head["planes"]):
        start = 64 + plane * count
        folded += np.frombuffer(content[start : start + count], np.uint8).astype(np.int64) << (8 * plane)
    steps = np.where(folded % 2, -(folded // 2) - 1, folded // 2).reshape(head["height"], head["width"])
    steps[:, 0] = np.cumsum(steps[:, 0])
    return head, (np.cumsum(steps, axis=1) % 65536).astype(np.uint16)


def shown(depth: BitDepth) -> NDArray[np.float64]:
    """Apply the starting window as PS3.3 C.11.2.1.2.1 writes it, in 64 bits."""
    x = depth.stored.astype(np.float64) * depth.slope + depth.intercept
    if depth.function == "SIGMOID":
        grey = 1 / (1 + np.exp(-4 * (x - depth.centre) / depth.width))
    elif depth.function == "LINEAR":
        grey = np.clip((x - (depth.centre - 0.5)) / (depth.width - 1) + 0.5, 0, 1)
    else:
        grey = np.clip((x - depth.centre) / depth.width + 0.5, 0, 1)
    return 1 - grey if depth.turned else grey


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_every_stored_value_of_a_dicom_radiograph_arrives(bits: int) -> None:
    content = radiograph_dicom(3, (97, 130), bits=bits, **WINDOWED)
    head, pixels = unpacked(pack(read_bit_depth(content)))
    stored = pydicom.dcmread(io.BytesIO(content)).pixel_array
    lowest = int(stored.min())
    assert np.array_equal(pixels.astype(int) + lowest, stored)
    assert (head["intercept"], head["slope"], head["bits"]) == (lowest, 1, bits)
    assert (head["centre"], head["window"]) == (1800, 900)


def test_signed_and_rescaled_values_keep_their_real_units() -> None:
    content = radiograph_dicom(4, bits=12, RescaleSlope=0.25, RescaleIntercept=-300)
    dataset = pydicom.dcmread(io.BytesIO(content))
    signed = (dataset.pixel_array.astype(np.int32) - 2048).astype(np.int16)
    dataset.PixelRepresentation, dataset.PixelData = 1, signed.tobytes()
    out = io.BytesIO()
    dataset.save_as(out)
    head, pixels = unpacked(pack(read_bit_depth(out.getvalue())))
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
def test_the_starting_window_shows_what_the_radiograph_shows(content: bytes) -> None:
    assert shown(read_bit_depth(content)) == pytest.approx(read_radiograph(content).grey, abs=2 / 65535)


def test_an_eight_bit_radiograph_travels_in_one_plane() -> None:
    head, pixels = unpacked(pack(read_bit_depth(radiograph_png(6, (70, 90)))))
    assert (head["planes"], head["bits"], pixels.shape) == (1, 8, (70, 90))


def test_full_steps_between_black_and_white_survive() -> None:
    depth = read_bit_depth(radiograph_png16(7))
    harsh = np.tile(np.array([[0, 65535], [65535, 0]], np.uint16), (40, 40))
    packed = pack(BitDepth(harsh, 16, 1.0, 0.0, depth.centre, depth.width, depth.function, turned=False))
    assert np.array_equal(unpacked(packed)[1], harsh)


def test_the_child_packs_the_same_and_names_what_it_cannot_read() -> None:
    content = radiograph_dicom(8)
    assert pack_depth_in_child(content) == pack(read_bit_depth(content))
    with pytest.raises(UnreadableImage) as refused:
        pack_depth_in_child(content[:400])
    assert refused.value.code in {"damaged", "no_pixels"}
