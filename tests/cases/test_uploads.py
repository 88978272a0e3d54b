"""What may be admitted, and where its files go."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest
from pytest_django.fixtures import Settings

from diagnostics.cases import keeping, uploads
from diagnostics.cases.models import Priority
from diagnostics.cases.refusals import IncompleteOrder, UnusableFilm
from ml.imaging import read_film
from tests.films import film_dicom, film_jpeg, film_png, film_png16


def order(**changed: str) -> uploads.Order:
    entries = {"patient_ref": "P-1", "accession_number": "", "view": "", "priority": "routine"}
    return uploads.order(**(entries | changed))


def test_an_order_is_taken_as_written_without_the_spaces_around_it():
    taken = order(patient_ref="  P 1 ", accession_number=" A-9 ", view="pa", priority="STAT")

    assert taken == uploads.Order("P 1", "A-9", "PA", Priority.STAT)


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
    with pytest.raises(IncompleteOrder) as refusal:
        order(**{entry: text})

    assert refusal.value.code == code
    assert str(refusal.value).endswith(".")


def test_sixty_four_characters_of_any_script_are_a_reference():
    assert order(patient_ref="患" * 64).patient_ref == "患" * 64


@pytest.mark.parametrize("film", [film_png(), film_png16(), film_jpeg(), film_dicom()])
def test_each_wrapping_of_a_film_is_accepted(film: bytes):
    assert uploads.accept(film).grey.shape == (256, 256)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"%PDF-1.7 a letter", "unknown_format"),
        (film_png()[:2000], "damaged"),
        (film_png(size=(32, 32)), "too_small"),
        (film_dicom(modality="CT"), "not_an_xray_modality"),
    ],
)
def test_a_file_that_is_no_film_is_refused_with_a_code_and_what_to_do(content: bytes, code: str):
    with pytest.raises(UnusableFilm) as refusal:
        uploads.accept(content)

    assert refusal.value.code == code
    assert str(refusal.value) == str(uploads.REASONS[code])


def test_a_file_over_64_megabytes_is_refused_by_its_size():
    uploads.refuse_oversize(64 * 1024 * 1024)
    with pytest.raises(UnusableFilm) as refusal:
        uploads.refuse_oversize(64 * 1024 * 1024 + 1)

    assert refusal.value.code == "too_large"


@pytest.mark.parametrize("film", [film_png16(3), film_dicom(4), film_jpeg(5)])
def test_a_kept_film_is_read_back_exactly_as_it_was_accepted(film: bytes, settings: Settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    accepted = read_film(film)
    names = keeping.film_names(uuid.uuid4())

    keeping.keep_film(names, original=film, film=accepted)

    assert np.array_equal(keeping.read_grey(names.grey), accepted.grey)
    # Whoever learns from the file reads it the other way, and finds the same film.
    assert read_film(keeping.path(names.grey).read_bytes()).pixel_sha256 == accepted.pixel_sha256
    assert keeping.path(names.original).read_bytes() == film
    assert keeping.path(names.display).read_bytes().startswith(b"\x89PNG")


def test_files_are_named_by_uuids_alone(settings: Settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    film_id = uuid.UUID("0a1b2c3d-0000-4000-8000-000000000001")

    assert keeping.film_names(film_id) == keeping.FilmNames(
        original=f"films/0a/{film_id}.bin",
        display=f"films/0a/{film_id}.png",
        grey=f"films/0a/{film_id}.grey.png",
        depth=f"films/0a/{film_id}.depth.gz",
    )


def test_a_file_is_written_whole_or_not_at_all(settings: Settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    keeping.keep("films/aa/one.png", b"the first")

    with pytest.raises(TypeError):
        keeping.keep("films/aa/one.png", "no bytes")  # type: ignore[arg-type]

    assert [path.name for path in (tmp_path / "films/aa").iterdir()] == ["one.png"]
    assert keeping.path("films/aa/one.png").read_bytes() == b"the first"


def test_a_damaged_stored_film_is_no_film(settings: Settings, tmp_path: Path):
    settings.MEDIA_ROOT = tmp_path
    keeping.keep("films/aa/one.grey.png", film_png16()[:500])
    keeping.keep("films/aa/two.grey.png", b"")

    for name in ("films/aa/one.grey.png", "films/aa/two.grey.png"):
        with pytest.raises(ValueError, match="no 16-bit grey PNG"):
            keeping.read_grey(name)
