"""DICOM radiographs look as dcmtk's viewer shows them, in every encoding that hospitals send."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset

from ml.images.png import display_png
from ml.images.decoding import decode_radiograph
from ml.errors import UnreadableImage
from tests.ml.encodings import dcmtk, dicom, saved, written
from tests.radiographs import radiograph_grey

GREY = radiograph_grey(5, (128, 96))
TWELVE = (GREY * 3000 + 500).round().astype(np.uint16)  # within 0 to 4095
WINDOW: dict[str, Any] = {"WindowCenter": 2000, "WindowWidth": 2400}


def opened(content: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(io.BytesIO(content))


def shown(content: bytes) -> NDArray[Any]:
    return decoded(display_png(decode_radiograph(content)))


def decoded(png: bytes) -> NDArray[Any]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def by_dcmtk(content: bytes, folder: Path, *options: str) -> NDArray[Any]:
    drawn = dcmtk("dcm2pnm", "--write-png", *options, radiograph=content, folder=folder)
    return decoded(drawn)


def refusal(content: bytes) -> str:
    with pytest.raises(UnreadableImage) as refused:
        decode_radiograph(content)
    return refused.value.code


def voi_lut() -> Dataset:
    table = Dataset()
    steps = (255 * (np.arange(4096) / 4095) ** 2).round().astype(np.uint16)
    table.add_new("LUTDescriptor", "US", [4096, 0, 8])
    table.add_new("LUTData", "US", steps.tolist())
    return table


VIEWER = {
    "a window": (dicom(TWELVE, bits=12, **WINDOW), ["+Wi", "1"]),
    "the first of two windows": (
        dicom(TWELVE, bits=12, WindowCenter=[2000, 900], WindowWidth=[2400, 100]),
        ["+Wi", "1"],
    ),
    "MONOCHROME1": (
        dicom(TWELVE, bits=12, PhotometricInterpretation="MONOCHROME1", **WINDOW),
        ["+Wi", "1"],
    ),
    "rescale": (
        dicom(
            TWELVE, bits=12, RescaleSlope="0.5", RescaleIntercept="-300", WindowCenter=700, WindowWidth=1200
        ),
        ["+Wi", "1"],
    ),
    "rescale that changes nothing": (
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
    "no window, darkest to brightest": (dicom(TWELVE, bits=12), ["+Wm"]),
    "eight bits without a window": (dicom((GREY * 200 + 20).round().astype(np.uint8)), []),
}


@pytest.mark.parametrize("case", VIEWER)
def test_a_radiograph_looks_as_in_the_reference_viewer(case: str, tmp_path: Path) -> None:
    content, options = VIEWER[case]
    ours, theirs = shown(content).astype(int), by_dcmtk(content, tmp_path, *options).astype(int)
    assert ours.std() > 10
    assert np.abs(ours - theirs).max() <= 2
    assert np.abs(ours - theirs).mean() < 0.6


BY_DCMTK = {
    "JPEG Lossless SV1": ("dcmcjpeg", "+e1"),
    "JPEG Lossless": ("dcmcjpeg", "+el"),
    "JPEG-LS": ("dcmcjpls", "+el"),
    "RLE": ("dcmcrle",),
    "big endian": ("dcmconv", "+tb"),
    "implicit": ("dcmconv", "+ti"),
}


@pytest.mark.parametrize("encoding", BY_DCMTK)
def test_a_lossless_encoding_gives_the_very_same_radiograph(encoding: str, tmp_path: Path) -> None:
    plain = dicom(TWELVE, bits=12, **WINDOW)
    tool, *options = BY_DCMTK[encoding]
    wrapped = dcmtk(tool, *options, radiograph=plain, folder=tmp_path)
    assert decode_radiograph(wrapped).pixel_sha256 == decode_radiograph(plain).pixel_sha256
    assert pydicom.dcmread(tmp_path / "target").file_meta.TransferSyntaxUID != uid.ExplicitVRLittleEndian


def test_jpeg_2000_gives_the_very_same_radiograph() -> None:
    plain = dicom(TWELVE, bits=12, **WINDOW)
    radiograph = opened(plain)
    radiograph.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
    assert decode_radiograph(written(radiograph)).pixel_sha256 == decode_radiograph(plain).pixel_sha256


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit])
def test_a_lossy_jpeg_radiograph_stays_the_same_to_the_eye(syntax: uid.UID) -> None:
    grey = (GREY * 255).round().astype(np.uint8)
    radiograph = opened(dicom(grey))
    radiograph.file_meta.TransferSyntaxUID = syntax
    radiograph.PixelData = pydicom.encaps.encapsulate([saved(Image.fromarray(grey), "JPEG", quality=95)])
    radiograph["PixelData"].VR = "OB"
    assert np.abs(decode_radiograph(written(radiograph)).grey - grey / 255).mean() < 0.01


def test_twelve_bit_lossy_jpeg_is_refused_and_not_misread(tmp_path: Path) -> None:
    wrapped = dcmtk("dcmcjpeg", "+ee", radiograph=dicom(TWELVE, bits=12), folder=tmp_path)
    assert refusal(wrapped) == "unsupported_encoding"


def test_a_colour_capture_of_a_radiograph_is_read_as_grey() -> None:
    grey = (GREY * 255).round().astype(np.uint8)
    content = dicom(
        np.repeat(grey[..., None], 3, axis=2),
        Modality="OT",
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="RGB",
    )
    assert decode_radiograph(content).pixel_sha256 == decode_radiograph(dicom(grey)).pixel_sha256


def test_study_facts_are_read_and_names_are_not() -> None:
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


def test_odd_study_facts_are_left_empty() -> None:
    radiograph = decode_radiograph(
        dicom(TWELVE, bits=12, ViewPosition="OBLIQUE", PatientSex="O", StudyDate="")
    )
    assert (radiograph.view, radiograph.sex, radiograph.age, radiograph.study_at) == ("", "", None, None)


def test_a_dicom_file_that_is_no_single_radiograph_is_refused() -> None:
    plain = dicom(TWELVE, bits=12)
    assert refusal(dicom(TWELVE, bits=12, Modality="CT")) == "not_an_xray_modality"
    assert refusal(dicom(TWELVE, bits=12, Modality="SR")) == "not_an_xray_modality"
    two = dicom(np.concatenate([TWELVE, TWELVE]), bits=12, NumberOfFrames=2, Rows=128)
    assert refusal(two) == "multi_frame"
    radiograph = opened(plain)
    del radiograph.PixelData
    assert refusal(written(radiograph)) == "no_pixels"


def test_a_dicom_header_that_lies_about_its_size_is_refused() -> None:
    assert refusal(dicom(TWELVE, bits=12, Rows=60_000, Columns=60_000)) == "too_many_pixels"
    assert refusal(dicom(TWELVE, bits=12, Rows=6_000, Columns=6_000)) == "damaged"


def test_a_deflated_file_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    deflated = dcmtk("dcmconv", "+td", radiograph=dicom(TWELVE, bits=12), folder=tmp_path)
    assert refusal(deflated) == "deflated_dicom"
    # Its body is never looked at: what follows the file meta may be anything.
    assert refusal(deflated[:400] + b"\0" * 1000) == "deflated_dicom"


def test_an_encoding_without_a_decoder_is_refused() -> None:
    radiograph = opened(dicom(TWELVE, bits=12))
    radiograph.file_meta.TransferSyntaxUID = uid.MPEG4HP41
    radiograph.PixelData = pydicom.encaps.encapsulate([b"\0" * 100])
    radiograph["PixelData"].VR = "OB"
    assert refusal(written(radiograph)) == "unsupported_encoding"
