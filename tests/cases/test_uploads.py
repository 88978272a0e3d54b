"""What may be admitted, and where its files go."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest
from pytest_django.fixtures import Settings

from diagnostics.cases import storage, upload_validation
from diagnostics.cases.errors import InvalidField, UnusableRadiograph
from diagnostics.cases.models import Priority
from ml.images.reading import read_radiograph
from tests.radiographs import radiograph_dicom, radiograph_jpeg, radiograph_png, radiograph_png16


def order(**changed: str) -> upload_validation.UploadFields:
    entries = {"patient_ref": "P-1", "accession_number": "", "view": "", "priority": "routine"}
    return upload_validation.validated_fields(**(entries | changed))


def test_an_order_is_taken_as_written_without_the_spaces_around_it():
    taken = order(patient_ref="  P 1 ", accession_number=" A-9 ", view="pa", priority="STAT")

    assert taken == upload_validation.UploadFields("P 1", "A-9", "PA", Priority.STAT)


@pytest.mark.parametrize(
    ("entry", "text", "code"),
    [
        ("patient_ref", "", "patient_ref_missing"),
        ("patient_ref", " \t ", "patient_ref_missing"),
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
def test_an_order_that_cannot_be_taken_is_refused_with_its_entry(entry: str, text: str, code: str):
    with pytest.raises(InvalidField) as refusal:
        order(**{entry: text})

    assert refusal.value.code == code
    assert str(refusal.value).endswith(".")


def test_sixty_four_characters_of_any_script_are_a_reference():
    assert order(patient_ref="患" * 64).patient_ref == "患" * 64


@pytest.mark.parametrize(
    "radiograph", [radiograph_png(), radiograph_png16(), radiograph_jpeg(), radiograph_dicom()]
)
def test_each_wrapping_of_a_radiograph_is_accepted(radiograph: bytes):
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
def test_a_file_that_is_no_radiograph_is_refused_with_a_code_and_what_to_do(content: bytes, code: str):
    with pytest.raises(UnusableRadiograph) as refusal:
        upload_validation.decode_upload(content)

    assert refusal.value.code == code
    assert str(refusal.value) == str(upload_validation.REASONS[code])


def test_a_file_over_64_megabytes_is_refused_by_its_size():
    upload_validation.check_file_size(64 * 1024 * 1024)
    with pytest.raises(UnusableRadiograph) as refusal:
        upload_validation.check_file_size(64 * 1024 * 1024 + 1)

    assert refusal.value.code == "too_large"


@pytest.mark.parametrize("radiograph", [radiograph_png16(3), radiograph_dicom(4), radiograph_jpeg(5)])
def test_a_kept_radiograph_is_read_back_exactly_as_it_was_accepted(
    radiograph: bytes, settings: Settings, tmp_path: Path
):
    settings.MEDIA_ROOT = tmp_path
    accepted = read_radiograph(radiograph)
    names = storage.radiograph_files(uuid.uuid4())

    storage.store_radiograph(names, original=radiograph, radiograph=accepted)

    assert np.array_equal(storage.read_grey(names.grey), accepted.grey)
    # Whoever learns from the file reads it the other way, and finds the same radiograph.
    assert read_radiograph(storage.path(names.grey).read_bytes()).pixel_sha256 == accepted.pixel_sha256
    assert storage.path(names.original).read_bytes() == radiograph
    assert storage.path(names.display).read_bytes().startswith(b"\x89PNG")


def test_files_are_named_by_uuids_alone(settings: Settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    radiograph_id = uuid.UUID("0a1b2c3d-0000-4000-8000-000000000001")

    assert storage.radiograph_files(radiograph_id) == storage.RadiographFiles(
        original=f"radiographs/0a/{radiograph_id}.bin",
        display=f"radiographs/0a/{radiograph_id}.png",
        grey=f"radiographs/0a/{radiograph_id}.grey.png",
        depth=f"radiographs/0a/{radiograph_id}.depth.gz",
    )


def test_a_file_is_written_whole_or_not_at_all(settings: Settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    storage.store_file("radiographs/aa/one.png", b"the first")

    with pytest.raises(TypeError):
        storage.store_file("radiographs/aa/one.png", "no bytes")  # type: ignore[arg-type]

    assert [path.name for path in (tmp_path / "radiographs/aa").iterdir()] == ["one.png"]
    assert storage.path("radiographs/aa/one.png").read_bytes() == b"the first"


def test_a_damaged_stored_radiograph_is_no_radiograph(settings: Settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    storage.store_file("radiographs/aa/one.grey.png", radiograph_png16()[:500])
    storage.store_file("radiographs/aa/two.grey.png", b"")

    for name in ("radiographs/aa/one.grey.png", "radiographs/aa/two.grey.png"):
        with pytest.raises(ValueError, match="no 16-bit grey PNG"):
            storage.read_grey(name)
