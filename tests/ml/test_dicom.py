"""DICOM radiographs in every common encoding, compared with the rendering of dcmtk."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset

from ml.errors import UnreadableImage
from ml.images.decoding import decode_radiograph
from ml.images.dicom import read_stored
from ml.images.png import display_png
from tests.ml.encodings import dcmtk, dicom, saved, written
from tests.radiographs import radiograph_grey

GREY = radiograph_grey(5, (128, 96))
TWELVE = (GREY * 3000 + 500).round().astype(np.uint16)  # within 0 to 4095
WINDOW: dict[str, Any] = {"WindowCenter": 2000, "WindowWidth": 2400}


def read_dataset(content: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(io.BytesIO(content))


def displayed(content: bytes) -> NDArray[Any]:
    return pixels_of(display_png(decode_radiograph(content)))


def pixels_of(png: bytes) -> NDArray[Any]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def by_dcmtk(content: bytes, folder: Path, *options: str) -> NDArray[Any]:
    png = dcmtk("dcm2pnm", "--write-png", *options, radiograph=content, folder=folder)
    return pixels_of(png)


def refusal_code(content: bytes) -> str:
    with pytest.raises(UnreadableImage) as raised:
        decode_radiograph(content)
    return raised.value.code


def voi_lut() -> Dataset:
    table = Dataset()
    values = (255 * (np.arange(4096) / 4095) ** 2).round().astype(np.uint16)
    table.add_new("LUTDescriptor", "US", [4096, 0, 8])
    table.add_new("LUTData", "US", values.tolist())
    return table


RENDERED = {
    "a window": (dicom(TWELVE, bits=12, **WINDOW), ["+Wi", "1"]),
    "the first of two windows": (
        dicom(TWELVE, bits=12, WindowCenter=[2000, 900], WindowWidth=[2400, 100]),
        ["+Wi", "1"],
    ),
    "MONOCHROME1": (
        dicom(TWELVE, bits=12, PhotometricInterpretation="MONOCHROME1", **WINDOW),
        ["+Wi", "1"],
    ),
    "a rescale": (
        dicom(
            TWELVE, bits=12, RescaleSlope="0.5", RescaleIntercept="-300", WindowCenter=700, WindowWidth=1200
        ),
        ["+Wi", "1"],
    ),
    "an identity rescale": (
        dicom((GREY * 200 + 20).round().astype(np.uint8), RescaleSlope=1, RescaleIntercept=0),
        [],
    ),
    "a very narrow sigmoid window": (
        dicom(TWELVE, bits=12, VOILUTFunction="SIGMOID", WindowCenter=2000, WindowWidth=2),
        ["+Wi", "1", "+Wfs"],
    ),
    "signed pixels": (
        dicom((TWELVE.astype(np.int16) - 2048), bits=12, signed=True, WindowCenter=0, WindowWidth=2400),
        ["+Wi", "1"],
    ),
    "a sigmoid window": (dicom(TWELVE, bits=12, VOILUTFunction="SIGMOID", **WINDOW), ["+Wi", "1", "+Wfs"]),
    "a VOI table": (dicom(TWELVE, bits=12, VOILUTSequence=[voi_lut()]), ["+Wl", "1"]),
    "no window, minimum to maximum": (dicom(TWELVE, bits=12), ["+Wm"]),
    "eight bits without a window": (dicom((GREY * 200 + 20).round().astype(np.uint8)), []),
}


@pytest.mark.parametrize("case", RENDERED)
def test_a_radiograph_is_displayed_as_by_dcmtk(case: str, tmp_path: Path) -> None:
    content, options = RENDERED[case]
    actual, expected = displayed(content).astype(int), by_dcmtk(content, tmp_path, *options).astype(int)
    assert actual.std() > 10
    assert np.abs(actual - expected).max() <= 2
    assert np.abs(actual - expected).mean() < 0.6


LOSSLESS = {
    "JPEG Lossless SV1": ("dcmcjpeg", "+e1"),
    "JPEG Lossless": ("dcmcjpeg", "+el"),
    "JPEG-LS": ("dcmcjpls", "+el"),
    "RLE": ("dcmcrle",),
    "big endian": ("dcmconv", "+tb"),
    "implicit": ("dcmconv", "+ti"),
    "deflated": ("dcmconv", "+td"),
}


@pytest.mark.parametrize("encoding", LOSSLESS)
def test_a_lossless_encoding_decodes_to_equal_pixels(encoding: str, tmp_path: Path) -> None:
    plain = dicom(TWELVE, bits=12, **WINDOW)
    tool, *options = LOSSLESS[encoding]
    encoded = dcmtk(tool, *options, radiograph=plain, folder=tmp_path)
    assert decode_radiograph(encoded).pixel_sha256 == decode_radiograph(plain).pixel_sha256
    assert pydicom.dcmread(tmp_path / "target").file_meta.TransferSyntaxUID != uid.ExplicitVRLittleEndian


def test_lossless_jpeg_2000_decodes_to_equal_pixels() -> None:
    plain = dicom(TWELVE, bits=12, **WINDOW)
    radiograph = read_dataset(plain)
    radiograph.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
    assert decode_radiograph(written(radiograph)).pixel_sha256 == decode_radiograph(plain).pixel_sha256


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit])
def test_a_lossy_jpeg_decodes_with_a_small_error(syntax: uid.UID) -> None:
    grey = (GREY * 255).round().astype(np.uint8)
    radiograph = read_dataset(dicom(grey))
    radiograph.file_meta.TransferSyntaxUID = syntax
    radiograph.PixelData = pydicom.encaps.encapsulate([saved(Image.fromarray(grey), "JPEG", quality=95)])
    radiograph["PixelData"].VR = "OB"
    assert np.abs(decode_radiograph(written(radiograph)).grey - grey / 255).mean() < 0.01


def test_twelve_bit_lossy_jpeg_decodes_to_the_grey_levels_of_dcmtk_and_libjpeg_turbo(tmp_path: Path) -> None:
    encoded = dcmtk("dcmcjpeg", "+ee", radiograph=dicom(TWELVE, bits=12), folder=tmp_path)
    by_tool = read_dataset(dcmtk("dcmdjpeg", radiograph=encoded, folder=tmp_path)).pixel_array
    frame = next(pydicom.encaps.generate_frames(read_dataset(encoded).PixelData, number_of_frames=1))
    dataset, stored = read_stored(encoded)
    assert (dataset.BitsStored, int(stored.max()) > 255) == (12, True)
    np.testing.assert_array_equal(stored, by_tool)
    np.testing.assert_array_equal(stored, imagecodecs.jpeg8_decode(frame))


def test_a_colour_capture_is_converted_to_grey() -> None:
    grey = (GREY * 255).round().astype(np.uint8)
    content = dicom(
        np.repeat(grey[..., None], 3, axis=2),
        Modality="OT",
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="RGB",
    )
    assert decode_radiograph(content).pixel_sha256 == decode_radiograph(dicom(grey)).pixel_sha256


def test_study_attributes_are_read_and_the_repr_has_no_patient_name() -> None:
    radiograph = decode_radiograph(
        dicom(
            TWELVE,
            bits=12,
            ViewPosition="LL",
            PatientSex="F",
            PatientAge="018M",
            StudyDate="20200131",
            StudyTime="235959.5",
            TimezoneOffsetFromUTC="+0100",
            PatientName="Canary^Yellow",
        )
    )
    assert (radiograph.view, radiograph.sex, radiograph.age, radiograph.bits) == ("LATERAL", "F", 1, 12)
    assert radiograph.study_at == datetime(2020, 1, 31, 22, 59, 59, 500_000, tzinfo=UTC)
    assert "Canary" not in repr(radiograph)


def test_unknown_study_attributes_are_empty() -> None:
    radiograph = decode_radiograph(
        dicom(TWELVE, bits=12, ViewPosition="OBLIQUE", PatientSex="O", StudyDate="")
    )
    assert (radiograph.view, radiograph.sex, radiograph.age, radiograph.study_at) == ("", "", None, None)


def test_a_dicom_file_that_is_not_a_single_radiograph_is_refused() -> None:
    plain = dicom(TWELVE, bits=12)
    assert refusal_code(dicom(TWELVE, bits=12, Modality="CT")) == "not_an_xray_modality"
    assert refusal_code(dicom(TWELVE, bits=12, Modality="SR")) == "not_an_xray_modality"
    two = dicom(np.concatenate([TWELVE, TWELVE]), bits=12, NumberOfFrames=2, Rows=128)
    assert refusal_code(two) == "multi_frame"
    radiograph = read_dataset(plain)
    del radiograph.PixelData
    assert refusal_code(written(radiograph)) == "no_pixels"


def two_frames(**tags: Any) -> bytes:
    radiograph = read_dataset(dicom(np.concatenate([TWELVE, TWELVE]), bits=12, Rows=128, **tags))
    return written(radiograph)


@pytest.mark.parametrize("number", [None, 1, 2, 0])
def test_pixel_data_of_two_frames_are_refused_whatever_their_declared_number(number: int | None) -> None:
    tags = {} if number is None else {"NumberOfFrames": number}
    assert refusal_code(two_frames(**tags)) == "multi_frame"


@pytest.mark.parametrize("syntax", [uid.RLELossless, uid.JPEG2000Lossless, uid.JPEGLSLossless])
@pytest.mark.parametrize("has_table", [True, False])
def test_two_compressed_frames_without_their_number_are_refused(syntax: uid.UID, has_table: bool) -> None:
    radiograph = read_dataset(dicom(TWELVE, bits=12))
    radiograph.compress(syntax, generate_instance_uid=False)
    frame = next(pydicom.encaps.generate_frames(radiograph.PixelData, number_of_frames=1))
    radiograph.PixelData = pydicom.encaps.encapsulate([frame, frame], has_bot=has_table)
    assert refusal_code(written(radiograph)) == "multi_frame"


def test_a_declared_number_of_frames_without_their_pixels_is_refused() -> None:
    assert refusal_code(dicom(TWELVE, bits=12, NumberOfFrames=2)) == "multi_frame"


@pytest.mark.parametrize(("rows", "columns"), [(126, 96), (100, 96), (128, 64), (96, 128 - 20)])
def test_pixel_data_that_do_not_fit_the_header_are_refused(rows: int, columns: int) -> None:
    code = refusal_code(dicom(TWELVE, bits=12, Rows=rows, Columns=columns))
    assert code == "damaged"


def test_a_dicom_header_with_a_wrong_size_is_refused() -> None:
    assert refusal_code(dicom(TWELVE, bits=12, Rows=60_000, Columns=60_000)) == "too_many_pixels"
    assert refusal_code(dicom(TWELVE, bits=12, Rows=6_000, Columns=6_000)) == "damaged"


def test_a_deflated_file_that_ends_early_or_holds_another_stream_is_damaged(tmp_path: Path) -> None:
    deflated = dcmtk("dcmconv", "+td", radiograph=dicom(TWELVE, bits=12), folder=tmp_path)
    assert refusal_code(deflated[:-200]) == "damaged"
    assert refusal_code(deflated[:400] + b"\0" * 1000) == "damaged"


def test_a_deflated_file_that_inflates_above_the_limit_is_refused_with_code_too_large() -> None:
    radiograph = read_dataset(dicom(np.zeros((96, 96), np.uint8)))
    radiograph.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    radiograph.PixelData = bytes(65 * 1024 * 1024)  # one more than a plain file may have, in 65 kB
    content = written(radiograph)
    assert len(content) < 100_000
    assert refusal_code(content) == "too_large"


def test_an_encoding_without_a_decoder_is_refused_with_code_unsupported_encoding() -> None:
    radiograph = read_dataset(dicom(TWELVE, bits=12))
    radiograph.file_meta.TransferSyntaxUID = uid.MPEG4HP41
    radiograph.PixelData = pydicom.encaps.encapsulate([b"\0" * 100])
    radiograph["PixelData"].VR = "OB"
    assert refusal_code(written(radiograph)) == "unsupported_encoding"
