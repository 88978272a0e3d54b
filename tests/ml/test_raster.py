"""Decoding of PNG and JPEG radiographs, and the files that are refused."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ml.errors import UnreadableImage
from ml.images.decoding import decode_radiograph
from ml.images.png import display_png
from ml.images.preprocessing import prepare
from ml.records import Preprocessing
from tests.ml.encodings import dicom, palette_png, rgb, rotated_jpeg, saved
from tests.radiographs import radiograph_dicom, radiograph_grey, radiograph_png


@pytest.fixture
def grey() -> NDArray[np.uint8]:
    return (radiograph_grey(3, (160, 120)) * 255).round().astype(np.uint8)


def refusal_code(content: bytes) -> str:
    with pytest.raises(UnreadableImage) as raised:
        decode_radiograph(content)
    assert str(raised.value).endswith(".")
    return raised.value.code


def png_header(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_an_8_bit_png_is_decoded_exactly(grey: NDArray[np.uint8]) -> None:
    radiograph = decode_radiograph(saved(Image.fromarray(grey), "PNG"))
    np.testing.assert_array_equal(np.rint(radiograph.grey * 255), grey)
    assert (radiograph.height, radiograph.width, radiograph.bits, radiograph.source_format) == (
        160,
        120,
        8,
        "PNG",
    )
    assert radiograph.grey.dtype == np.float32


def test_a_16_bit_png_is_not_clipped_to_white() -> None:
    deep = (radiograph_grey(1, (80, 90)) * 65535).astype(np.uint16)
    radiograph = decode_radiograph(saved(Image.fromarray(deep), "PNG"))
    np.testing.assert_allclose(radiograph.grey, deep / 65535, atol=1e-6)
    assert radiograph.bits == 16


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_in_a_16_bit_png_are_shown_in_their_own_range(bits: int) -> None:
    stored = (radiograph_grey(1, (80, 90)) * (2**bits - 1)).astype(np.uint16)
    radiograph = decode_radiograph(saved(Image.fromarray(stored), "PNG"))
    display = np.asarray(Image.open(io.BytesIO(display_png(radiograph))))
    assert radiograph.bits == bits
    np.testing.assert_array_equal(display, np.rint(stored / (2**bits - 1) * 255))


def test_a_dark_8_bit_image_stored_in_16_bits_keeps_its_grey(grey: NDArray[np.uint8]) -> None:
    dark = grey // 8
    eight, sixteen = (saved(Image.fromarray(image), "PNG") for image in (dark, dark.astype(np.uint16) * 257))
    assert decode_radiograph(eight).pixel_sha256 == decode_radiograph(sixteen).pixel_sha256


def test_twelve_bits_in_a_16_bit_png_give_the_network_the_same_input() -> None:
    stored = (radiograph_grey(1, (256, 256)) * 4095).astype(np.uint16)
    decoded = decode_radiograph(saved(Image.fromarray(stored), "PNG")).grey
    unscaled = stored.astype(np.float32) / np.float32(65535)
    inputs = [prepare(image, Preprocessing(scale="zscore"))[0] for image in (decoded, unscaled)]
    np.testing.assert_allclose(inputs[0], inputs[1], atol=1e-3)


def test_a_16_bit_colour_png_is_decoded_in_16_bits() -> None:
    deep = (radiograph_grey(1, (80, 90)) * 65535).astype(np.uint16)
    encoded = cv2.imencode(".png", np.repeat(deep[..., None], 3, axis=2))[1].tobytes()
    np.testing.assert_allclose(decode_radiograph(encoded).grey, deep / 65535, atol=1e-6)


def test_colours_are_converted_to_bt_601_luma() -> None:
    colour = np.zeros((64, 64, 3), np.uint8)
    colour[:, :20, 0] = colour[:, 20:40, 1] = colour[:, 40:, 2] = 255
    radiograph = decode_radiograph(saved(Image.fromarray(colour), "PNG"))
    np.testing.assert_allclose(radiograph.grey[0, [0, 20, 40]], [0.299, 0.587, 0.114], atol=1e-4)


def test_transparent_pixels_are_black() -> None:
    pixels = np.full((64, 64, 2), 200, np.uint8)
    pixels[:, :32, 1] = 0
    pixels[:, 32:, 1] = 255
    radiograph = decode_radiograph(saved(Image.fromarray(pixels, "LA"), "PNG"))
    assert radiograph.grey[0, 0] == 0
    assert radiograph.grey[0, 63] == pytest.approx(200 / 255, abs=1e-4)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(orientation: int) -> None:
    # A white corner makes each of the eight orientations another picture.
    upright = np.zeros((96, 64), np.uint8)
    upright[:32, :32] = 255
    upright[:32, 32:] = 120
    backwards = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}[orientation]
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    image = Image.fromarray(upright)
    stored = image.transpose(turns[backwards]) if backwards in turns else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    radiograph = decode_radiograph(saved(stored, "PNG", exif=exif))
    np.testing.assert_array_equal(np.rint(radiograph.grey * 255), upright)


def test_every_lossless_encoding_of_an_image_has_the_same_pixel_hash(grey: NDArray[np.uint8]) -> None:
    image = Image.fromarray(grey)
    encodings = [
        saved(image, "PNG"),
        saved(image, "PNG", compress_level=0),
        saved(rgb(grey), "PNG"),
        saved(image.convert("LA"), "PNG"),
        saved(rgb(grey).convert("RGBA"), "PNG"),
        palette_png(grey),
        saved(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"),
        dicom(grey),
        dicom(255 - grey, PhotometricInterpretation="MONOCHROME1"),
    ]
    assert len({decode_radiograph(content).pixel_sha256 for content in encodings}) == 1


def test_images_that_differ_in_one_pixel_have_different_hashes(grey: NDArray[np.uint8]) -> None:
    other = grey.copy()
    other[0, 0] ^= 1
    first, second = (decode_radiograph(saved(Image.fromarray(g), "PNG")).pixel_sha256 for g in (grey, other))
    assert first != second


def test_lossy_encodings_decode_with_a_small_error(grey: NDArray[np.uint8]) -> None:
    image = Image.fromarray(grey)
    encodings = [
        saved(image, "JPEG", quality=98),
        saved(rgb(grey), "JPEG", quality=98),
        saved(image, "JPEG", quality=98, progressive=True),
        saved(rgb(grey).convert("CMYK"), "JPEG", quality=98),
        rotated_jpeg(grey),
    ]
    for content in encodings:
        radiograph = decode_radiograph(content)
        assert radiograph.grey.shape == grey.shape
        assert np.abs(radiograph.grey - grey / 255).mean() < 0.01


def test_a_file_of_another_format_is_refused_with_code_unknown_format(grey: NDArray[np.uint8]) -> None:
    image = Image.fromarray(grey)
    assert refusal_code(b"") == "empty_file"
    assert refusal_code(b"%PDF-1.7") == "unknown_format"
    for kind in ("TIFF", "BMP", "GIF", "WEBP"):
        assert refusal_code(saved(image, kind)) == "unknown_format"
    assert refusal_code(b"<svg xmlns='http://www.w3.org/2000/svg'/>") == "unknown_format"


def test_a_damaged_file_is_refused_with_code_damaged() -> None:
    intact = radiograph_png()
    assert refusal_code(intact[: len(intact) // 2]) == "damaged"
    assert refusal_code(b"\xff\xd8\xff" + bytes(range(200))) == "damaged"
    assert refusal_code(b"\x89PNG\r\n\x1a\n") == "damaged"
    assert refusal_code(b"\0" * 128 + b"DICM" + bytes(range(200))) in ("damaged", "unsupported_encoding")


def test_a_file_beyond_the_size_limits_is_refused_before_it_is_decoded() -> None:
    assert refusal_code(b"\x89PNG\r\n\x1a\n" + bytes(64 * 1024 * 1024)) == "too_large"
    assert refusal_code(png_header(13_000, 13_000)) == "too_many_pixels"
    assert refusal_code(png_header(10_001, 100)) == "too_many_pixels"
    assert refusal_code(png_header(8_000, 6_000)) == "too_many_pixels"
    assert refusal_code(png_header(300, 63)) == "too_small"


def test_a_blank_image_is_refused_with_code_blank() -> None:
    assert refusal_code(saved(Image.new("L", (100, 100), 77), "PNG")) == "blank"


def test_a_file_with_several_frames_is_refused(grey: NDArray[np.uint8]) -> None:
    frames = [Image.fromarray(grey), Image.fromarray(255 - grey)]
    assert refusal_code(saved(frames[0], "PNG", save_all=True, append_images=frames[1:])) == "animated"
    assert refusal_code(saved(frames[0], "MPO", save_all=True, append_images=frames[1:])) == "multi_frame"


def test_the_display_png_of_an_8_bit_radiograph_has_its_pixels(grey: NDArray[np.uint8]) -> None:
    display = Image.open(io.BytesIO(display_png(decode_radiograph(saved(Image.fromarray(grey), "PNG")))))
    assert display.mode == "L"
    np.testing.assert_array_equal(display, grey)


def test_the_display_png_is_reduced_to_the_given_size() -> None:
    radiograph = decode_radiograph(radiograph_png(size=(400, 300)))
    assert Image.open(io.BytesIO(display_png(radiograph, 200))).size == (150, 200)


def test_the_view_of_a_dicom_radiograph_is_read() -> None:
    assert decode_radiograph(radiograph_dicom()).view == "PA"
