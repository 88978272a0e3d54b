"""Validation of uploads, and the stored files of radiographs."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_django.fixtures import Settings

from diagnostics.cases import storage, upload_validation
from diagnostics.cases.errors import InvalidField, UnusableRadiograph
from diagnostics.cases.models import Priority
from ml.images.decoding import decode_radiograph
from tests.radiographs import radiograph_dicom, radiograph_jpeg, radiograph_png, radiograph_png16


def validated(**changed: str) -> upload_validation.UploadFields:
    fields = {"patient_ref": "P-1", "accession_number": "", "view": "", "priority": "routine"}
    arguments: dict[str, Any] = fields | changed
    return upload_validation.validated_fields(**arguments)


def test_fields_are_stripped_and_normalised():
    fields = validated(patient_ref="  P 1 ", accession_number=" A-9 ", view="pa", priority="STAT")

    assert fields == upload_validation.UploadFields("P 1", "A-9", "PA", Priority.STAT)


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("patient_ref", "x" * 65, "patient_ref_unusable"),
        ("patient_ref", "P\n1", "patient_ref_unusable"),
        ("patient_ref", "P\x001", "patient_ref_unusable"),
        ("patient_ref", "P\u202e1", "patient_ref_unusable"),
        ("accession_number", "9" * 65, "accession_number_unusable"),
        ("accession_number", "A\x1b[2J", "accession_number_unusable"),
        ("view", "oblique", "view_unknown"),
        ("priority", "now", "priority_unknown"),
    ],
)
def test_an_invalid_field_is_refused_with_its_code(field: str, text: str, code: str):
    with pytest.raises(InvalidField) as error:
        validated(**{field: text})

    assert error.value.code == code
    assert str(error.value).endswith(".")


def test_a_reference_may_have_64_characters_of_any_script():
    assert validated(patient_ref="患" * 64).patient_ref == "患" * 64


@pytest.mark.parametrize(
    "radiograph", [radiograph_png(), radiograph_png16(), radiograph_jpeg(), radiograph_dicom()]
)
def test_each_supported_format_is_accepted(radiograph: bytes):
    assert upload_validation.decode_upload(radiograph).grey.shape == (256, 256)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"%PDF-1.7 a letter", "unknown_format"),
        (radiograph_png()[:2000], "damaged"),
        (radiograph_png(size=(32, 32)), "too_small"),
        (radiograph_dicom(modality="CT"), "not_an_xray_modality"),
    ],
)
def test_an_unusable_file_is_refused_with_its_code_and_text(content: bytes, code: str):
    with pytest.raises(UnusableRadiograph) as error:
        upload_validation.decode_upload(content)

    assert error.value.code == code
    assert str(error.value) == str(upload_validation.REASONS[code])


def test_a_file_over_64_megabytes_is_refused_by_its_size():
    upload_validation.check_file_size(64 * 1024 * 1024)
    with pytest.raises(UnusableRadiograph) as error:
        upload_validation.check_file_size(64 * 1024 * 1024 + 1)

    assert error.value.code == "too_large"


@pytest.mark.parametrize("radiograph", [radiograph_png16(3), radiograph_dicom(4), radiograph_jpeg(5)])
def test_a_stored_radiograph_has_the_pixels_that_were_accepted(
    radiograph: bytes, settings: Settings, tmp_path: Path
):
    settings.MEDIA_ROOT = tmp_path
    accepted = decode_radiograph(radiograph)
    names = storage.radiograph_files(uuid.uuid4())

    storage.store_radiograph(names, original=radiograph, radiograph=accepted)

    assert np.array_equal(storage.read_grey(names.grey), accepted.grey)
    # Training decodes the file with another function and must get the same pixels.
    assert decode_radiograph(storage.path(names.grey).read_bytes()).pixel_sha256 == accepted.pixel_sha256
    assert storage.path(names.original).read_bytes() == radiograph
    assert storage.path(names.display).read_bytes().startswith(b"\x89PNG")


def test_file_names_consist_of_uuids(settings: Settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    radiograph_id = uuid.UUID("0a1b2c3d-0000-4000-8000-000000000001")

    assert storage.radiograph_files(radiograph_id) == storage.RadiographFiles(
        original=f"radiographs/0a/{radiograph_id}.bin",
        display=f"radiographs/0a/{radiograph_id}.png",
        grey=f"radiographs/0a/{radiograph_id}.grey.png",
        depth=f"radiographs/0a/{radiograph_id}.depth.gz",
        thumbnail=f"radiographs/0a/{radiograph_id}.thumbnail.jpg",
    )


def test_a_file_is_written_atomically(settings: Settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    storage.store_file("radiographs/aa/one.png", b"first content")

    with pytest.raises(TypeError):
        storage.store_file("radiographs/aa/one.png", "not bytes")  # type: ignore[arg-type]

    assert [path.name for path in (tmp_path / "radiographs/aa").iterdir()] == ["one.png"]
    assert storage.path("radiographs/aa/one.png").read_bytes() == b"first content"


def test_a_damaged_stored_radiograph_raises_value_error(settings: Settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    storage.store_file("radiographs/aa/one.grey.png", radiograph_png16()[:500])
    storage.store_file("radiographs/aa/two.grey.png", b"")

    for name in ("radiographs/aa/one.grey.png", "radiographs/aa/two.grey.png"):
        with pytest.raises(ValueError, match="no 16-bit grey PNG"):
            storage.read_grey(name)
