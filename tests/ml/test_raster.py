"""PNG and JPEG radiographs, what is refused, and the way into the network."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ml.images.png import display_png
from ml.images.preprocessing import prepare, scale_values
from ml.images.decoding import decode_radiograph
from ml.errors import UnreadableImage
from ml.records import Preprocessing
from tests.ml.encodings import dicom, palette_png, rgb, saved, turned_jpeg
from tests.radiographs import radiograph_dicom, radiograph_grey, radiograph_png


@pytest.fixture
def grey() -> NDArray[np.uint8]:
    return (radiograph_grey(3, (160, 120)) * 255).round().astype(np.uint8)


def refusal(content: bytes) -> str:
    with pytest.raises(UnreadableImage) as refused:
        decode_radiograph(content)
    assert str(refused.value).endswith(".")
    return refused.value.code


def png_header(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_an_8_bit_radiograph_keeps_its_pixels(grey: NDArray[np.uint8]) -> None:
    radiograph = decode_radiograph(saved(Image.fromarray(grey), "PNG"))
    np.testing.assert_array_equal(np.rint(radiograph.grey * 255), grey)
    assert (radiograph.height, radiograph.width, radiograph.bits, radiograph.source_format) == (
        160,
        120,
        8,
        "PNG",
    )
    assert radiograph.grey.dtype == np.float32


def test_a_16_bit_png_keeps_its_shades_instead_of_turning_white() -> None:
    deep = (radiograph_grey(1, (80, 90)) * 65535).astype(np.uint16)
    radiograph = decode_radiograph(saved(Image.fromarray(deep), "PNG"))
    np.testing.assert_allclose(radiograph.grey, deep / 65535, atol=1e-6)
    assert radiograph.bits == 16


def test_a_16_bit_colour_png_keeps_its_shades() -> None:
    deep = (radiograph_grey(1, (80, 90)) * 65535).astype(np.uint16)
    encoded = cv2.imencode(".png", np.repeat(deep[..., None], 3, axis=2))[1].tobytes()
    np.testing.assert_allclose(decode_radiograph(encoded).grey, deep / 65535, atol=1e-6)


def test_colours_are_weighed_as_television_weighs_them() -> None:
    colour = np.zeros((64, 64, 3), np.uint8)
    colour[:, :20, 0] = colour[:, 20:40, 1] = colour[:, 40:, 2] = 255
    radiograph = decode_radiograph(saved(Image.fromarray(colour), "PNG"))
    np.testing.assert_allclose(radiograph.grey[0, [0, 20, 40]], [0.299, 0.587, 0.114], atol=1e-4)


def test_what_is_transparent_is_black() -> None:
    pixels = np.full((64, 64, 2), 200, np.uint8)
    pixels[:, :32, 1] = 0
    pixels[:, 32:, 1] = 255
    radiograph = decode_radiograph(saved(Image.fromarray(pixels, "LA"), "PNG"))
    assert radiograph.grey[0, 0] == 0
    assert radiograph.grey[0, 63] == pytest.approx(200 / 255, abs=1e-4)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_stands_upright(orientation: int) -> None:
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


def test_one_radiograph_has_one_fingerprint_in_every_lossless_wrapping(grey: NDArray[np.uint8]) -> None:
    image = Image.fromarray(grey)
    wrappings = [
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
    assert len({decode_radiograph(content).pixel_sha256 for content in wrappings}) == 1


def test_two_radiographs_have_two_fingerprints(grey: NDArray[np.uint8]) -> None:
    other = grey.copy()
    other[0, 0] ^= 1
    first, second = (decode_radiograph(saved(Image.fromarray(g), "PNG")).pixel_sha256 for g in (grey, other))
    assert first != second


def test_one_radiograph_in_lossy_wrappings_stays_the_same_to_the_eye(grey: NDArray[np.uint8]) -> None:
    image = Image.fromarray(grey)
    wrappings = [
        saved(image, "JPEG", quality=98),
        saved(rgb(grey), "JPEG", quality=98),
        saved(image, "JPEG", quality=98, progressive=True),
        saved(rgb(grey).convert("CMYK"), "JPEG", quality=98),
        turned_jpeg(grey),
    ]
    for content in wrappings:
        radiograph = decode_radiograph(content)
        assert radiograph.grey.shape == grey.shape
        assert np.abs(radiograph.grey - grey / 255).mean() < 0.01


def test_a_file_of_another_kind_is_refused_by_its_code(grey: NDArray[np.uint8]) -> None:
    image = Image.fromarray(grey)
    assert refusal(b"") == "empty_file"
    assert refusal(b"%PDF-1.7") == "unknown_format"
    for kind in ("TIFF", "BMP", "GIF", "WEBP"):
        assert refusal(saved(image, kind)) == "unknown_format"
    assert refusal(b"<svg xmlns='http://www.w3.org/2000/svg'/>") == "unknown_format"


def test_a_damaged_file_is_refused_by_its_code() -> None:
    whole = radiograph_png()
    assert refusal(whole[: len(whole) // 2]) == "damaged"
    assert refusal(b"\xff\xd8\xff" + bytes(range(200))) == "damaged"
    assert refusal(b"\x89PNG\r\n\x1a\n") == "damaged"
    assert refusal(b"\0" * 128 + b"DICM" + bytes(range(200))) in ("damaged", "unsupported_encoding")


def test_a_file_is_refused_by_its_size_before_it_is_decoded() -> None:
    assert refusal(b"\x89PNG\r\n\x1a\n" + bytes(64 * 1024 * 1024)) == "too_large"
    assert refusal(png_header(13_000, 13_000)) == "too_many_pixels"
    assert refusal(png_header(10_001, 100)) == "too_many_pixels"
    assert refusal(png_header(8_000, 6_000)) == "too_many_pixels"
    assert refusal(png_header(300, 63)) == "too_small"


def test_an_image_without_content_is_refused() -> None:
    assert refusal(saved(Image.new("L", (100, 100), 77), "PNG")) == "blank"


def test_a_radiograph_that_moves_is_refused(grey: NDArray[np.uint8]) -> None:
    frames = [Image.fromarray(grey), Image.fromarray(255 - grey)]
    assert refusal(saved(frames[0], "PNG", save_all=True, append_images=frames[1:])) == "animated"
    assert refusal(saved(frames[0], "MPO", save_all=True, append_images=frames[1:])) == "multi_frame"


def test_the_screen_shows_an_8_bit_radiograph_unchanged(grey: NDArray[np.uint8]) -> None:
    shown = Image.open(io.BytesIO(display_png(decode_radiograph(saved(Image.fromarray(grey), "PNG")))))
    assert shown.mode == "L"
    np.testing.assert_array_equal(shown, grey)


def test_the_screen_gets_no_more_pixels_than_it_asked_for() -> None:
    radiograph = decode_radiograph(radiograph_png(size=(400, 300)))
    assert Image.open(io.BytesIO(display_png(radiograph, 200))).size == (150, 200)


@pytest.mark.network
def test_g11_grey_becomes_what_keras_makes_of_it_for_imagenet() -> None:
    import keras

    assert keras.applications.vgg16.preprocess_input(
        np.array([[[10.0, 20.0, 30.0]]])
    ).ravel() == pytest.approx([-73.939, -96.779, -113.68])
    square = np.full((4, 4), 128 / 255, np.float32)
    prepared = scale_values(square, Preprocessing(size=4, channels=3, scale="caffe"))
    assert prepared[0, 0] == pytest.approx([24.061, 11.221, 4.320], abs=1e-3)


def test_a_standardised_radiograph_has_mean_0_and_deviation_1_whatever_its_exposure() -> None:
    grey = radiograph_grey(2, (300, 200)).astype(np.float32)
    prep = Preprocessing(size=64)
    bright, _ = prepare(grey, prep)
    dark, _ = prepare(grey * 0.5 + 0.1, prep)
    assert bright.shape == (64, 64, 1)
    assert bright.dtype == np.float32
    assert bright.mean() == pytest.approx(0, abs=1e-4)
    assert bright.std() == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(bright, dark, atol=1e-3)


@pytest.mark.parametrize(
    ("geometry", "place"),
    [
        ("square-crop", (60.0, 0.0, 120.0, 120.0)),
        ("letterbox", (0.0, -60.0, 240.0, 240.0)),
        ("stretch", (0.0, 0.0, 240.0, 120.0)),
    ],
)
def test_a_frame_says_where_on_the_radiograph_the_input_lies(
    geometry: str, place: tuple[float, float, float, float]
) -> None:
    grey = radiograph_grey(2, (240, 120)).astype(np.float32)
    prepared, frame = prepare(grey, Preprocessing(size=64, scale="unit", geometry=geometry))  # type: ignore[arg-type]
    assert prepared.shape == (64, 64, 1)
    assert (frame.radiograph_height, frame.radiograph_width) == (240, 120)
    assert (frame.top, frame.left, frame.height, frame.width) == place


def test_a_letterbox_pads_with_black() -> None:
    grey = np.ones((240, 120), np.float32)
    prepared, _ = prepare(grey, Preprocessing(size=64, scale="unit", geometry="letterbox"))
    assert not prepared[:, :16].any()
    assert not prepared[:, 48:].any()
    np.testing.assert_allclose(prepared[:, 17:47], 1, atol=1e-6)


def test_a_dicom_radiograph_tells_its_view() -> None:
    assert decode_radiograph(radiograph_dicom()).view == "PA"
