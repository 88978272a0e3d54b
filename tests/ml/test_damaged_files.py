"""Damaged copies of valid files: a refusal with a code or the pixels of the valid file, no partial image."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate, generate_frames

from ml.errors import UnreadableImage
from ml.images.decode_in_child import Limits, decode_radiograph_in_child
from ml.images.decoding import decode_radiograph
from tests.hostile_files import SIGNATURE
from tests.ml.encodings import compressed_dicoms, palette_png, rgb, saved, written
from tests.mutants import with_checksums
from tests.radiographs import radiograph_dicom, radiograph_grey

pytestmark = pytest.mark.slow  # decodes in child processes

GREY: Final = (radiograph_grey(5, (96, 80)) * 255).round().astype(np.uint8)
DEEP: Final = GREY.astype(np.uint16) * 257
PLACES: Final = 100  # of a file that are damaged, one at a time
CODES: Final = {"damaged", "unknown_format", "decoder_crashed", "decoder_memory"}
DICOM_CODES: Final = CODES | {
    *("unsupported_encoding", "no_pixels", "not_an_xray_modality", "multi_frame", "blank"),
    *("too_small", "too_many_pixels"),
}


def outcome(content: bytes) -> str:
    """Return the code of the refusal, or the hash of the pixels; DICOM is decoded in a child process."""
    decode = decode_radiograph_in_child if content[128:132] == b"DICM" else decode_radiograph
    try:
        return decode(content).pixel_sha256
    except UnreadableImage as error:
        return error.code


def with_flipped_bits(content: bytes, places: int = PLACES) -> Iterator[bytes]:
    chance = random.Random(11)
    for place in np.linspace(0, len(content) - 1, places).astype(int):
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        yield bytes(flipped)


def pngs() -> dict[str, bytes]:
    deep_colour = cv2.imencode(".png", np.repeat(DEEP[..., None], 3, axis=2))[1].tobytes()
    exif = Image.Exif()
    exif[0x010E] = "drawn"
    return {
        "8 bits": saved(Image.fromarray(GREY), "PNG"),
        "16 bits": saved(Image.fromarray(DEEP), "PNG"),
        "colour": saved(rgb(GREY), "PNG"),
        "16-bit colour": deep_colour,
        "palette": palette_png(GREY),
        "EXIF": saved(Image.fromarray(GREY), "PNG", exif=exif),
        "interlaced": interlaced_png(),
    }


def interlaced_png() -> bytes:
    """Return GREY as an Adam7 PNG (PNG specification, 8.2), which neither Pillow nor OpenCV can write."""
    rows = b""
    for left, top, right, down in (
        *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
        *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
    ):
        rows += b"".join(b"\0" + row.tobytes() for row in GREY[top::down, left::right])
    header = struct.pack(">IIBBBBB", GREY.shape[1], GREY.shape[0], 8, 0, 0, 0, 1)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(data)) + kind + data + b"\0\0\0\0" for kind, data in parts)
    return with_checksums(SIGNATURE + b"".join(chunks))


@pytest.mark.parametrize("kind", pngs())
def test_a_png_with_one_flipped_bit_is_refused(kind: str) -> None:
    # The checksums of PNG find every single flipped bit, so no damaged copy may be accepted.
    intact = pngs()[kind]
    assert outcome(intact) not in CODES
    assert {outcome(flipped) for flipped in with_flipped_bits(intact)} <= CODES


def test_a_png_with_correct_checksums_and_too_few_or_too_many_pixels_is_refused() -> None:
    intact = saved(Image.fromarray(GREY), "PNG")
    for height in (GREY.shape[0] - 1, GREY.shape[0] + 1):
        header = bytearray(intact)
        header[20:24] = height.to_bytes(4, "big")
        assert outcome(with_checksums(bytes(header))) == "damaged"


def test_a_jpeg_about_which_opencv_warns_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    # JPEG has no checksum: only what a decoder notices can be known. OpenCV brings another build of libjpeg.
    intact = saved(Image.fromarray(GREY), "JPEG", quality=95)
    warned = 0
    for flipped in with_flipped_bits(intact):
        capfd.readouterr()
        cv2.imdecode(np.frombuffer(flipped, np.uint8), cv2.IMREAD_UNCHANGED)
        if capfd.readouterr().err:
            warned += 1
            assert outcome(flipped) in CODES
    assert warned > PLACES / 10


@pytest.mark.parametrize("progressive", [False, True])
def test_a_truncated_jpeg_is_refused(progressive: bool) -> None:
    intact = saved(Image.fromarray(GREY), "JPEG", quality=95, progressive=progressive)
    for end in np.linspace(3, len(intact) - 1, 40).astype(int):
        assert outcome(intact[:end]) in CODES
        assert outcome(intact[:end] + b"\xff\xd9") in CODES | {outcome(intact)}


@cache
def encoded(folder: Path) -> dict[str, bytes]:
    return compressed_dicoms(radiograph_dicom(5, (96, 80)), folder)


SYNTAXES: Final = (
    *(
        "JPEG Lossless SV1",
        "JPEG Lossless",
        "JPEG Extended",
        "JPEG Baseline",
        "JPEG-LS",
        "JPEG-LS near-lossless",
    ),
    *("RLE", "JPEG 2000 lossless", "JPEG 2000"),
)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_dicom_file_with_a_truncated_frame_is_refused(
    syntax: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    radiograph = pydicom.dcmread(io.BytesIO(encoded(tmp_path_factory.getbasetemp())[syntax]))
    frame = next(generate_frames(radiograph.PixelData, number_of_frames=1)).rstrip(b"\0")
    assert outcome(written(radiograph)) not in CODES
    for end in np.linspace(80, len(frame) - 6, 6).astype(int):
        for tail in (b"", b"\xff\xd9"):
            radiograph.PixelData = encapsulate([frame[:end] + tail])
            assert outcome(written(radiograph)) in CODES, (end, tail)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_compressed_dicom_file_with_a_flipped_bit_gets_a_code_or_a_whole_image(
    syntax: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    intact, codes = encoded(tmp_path_factory.getbasetemp())[syntax], set()
    for flipped in with_flipped_bits(intact, 30):
        try:
            radiograph = decode_radiograph_in_child(flipped, limits=Limits(cpu_seconds=5))
        except UnreadableImage as error:
            codes.add(error.code)
        else:
            assert radiograph.grey.ndim == 2
    assert codes <= DICOM_CODES


def test_the_pixels_of_an_uncompressed_dicom_file_have_no_checksum() -> None:
    # The limit of detection: one flipped bit changes one pixel, and nothing in the file tells.
    intact = radiograph_dicom(5, (96, 80))
    at = intact.index(pydicom.dcmread(io.BytesIO(intact)).PixelData)
    flipped = bytearray(intact)
    flipped[at + 1000] ^= 1
    before, after = decode_radiograph_in_child(intact), decode_radiograph_in_child(bytes(flipped))
    assert (before.grey != after.grey).sum() == 1
