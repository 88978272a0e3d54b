"""Duplicates, shared patients and label conflicts across parts are detected (checks A1 to A4, A7)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ml.datasets.patient_split import Split
from ml.records import Grey, LabelledImage
from ml.trust import data_checks
from ml.trust.dataset_scan import RadiographMetadata, scan_dataset
from ml.trust.near_duplicate_pairs import REVIEW
from tests.ml.trust_radiographs import PREP, encoded, synthetic_image, write_radiograph
from tests.radiographs import radiograph_dicom


@pytest.fixture
def clean(tmp_path: Path) -> Split:
    """Return eight radiographs of eight patients: four for training, four for the test."""
    radiographs = [write_radiograph(tmp_path, f"{n}.png", encoded(synthetic_image(n))) for n in range(8)]
    return Split(train=tuple(radiographs[:4]), validation=(), test=tuple(radiographs[4:]))


def _with_test_radiograph(split: Split, radiograph: LabelledImage) -> Split:
    return Split(split.train, split.validation, (*split.test, radiograph))


def test_different_radiographs_of_different_patients_pass(clean: Split) -> None:
    scan = scan_dataset(clean, PREP)
    assert scan.pairs == ()
    for check in (
        data_checks.patient_split,
        data_checks.exact_duplicates,
        data_checks.near_duplicates,
        data_checks.label_conflicts,
    ):
        assert check(scan).status == "PASS", check


def test_a_patient_in_training_and_test_set_fails(clean: Split, tmp_path: Path) -> None:
    shared = write_radiograph(
        tmp_path, "again.png", encoded(synthetic_image(9)), patient=clean.train[0].patient
    )
    result = data_checks.patient_split(scan_dataset(_with_test_radiograph(clean, shared), PREP))
    assert (result.status, result.value, result.n) == ("FAIL", 1, 9)
    assert result.metrics["share_of_test_radiographs_with_training_patient"] == pytest.approx(1 / 5)
    assert result.examples == ("0.png = again.png",)
    assert result.spec.blocking


def test_a_near_duplicate_under_another_patient_counts_as_the_same_patient(
    clean: Split, tmp_path: Path
) -> None:
    duplicate = write_radiograph(tmp_path, "copy.jpg", encoded(synthetic_image(0), "JPEG", quality=60))
    scan = scan_dataset(_with_test_radiograph(clean, duplicate), PREP)
    assert data_checks.patient_split(scan).status == "FAIL"


def test_many_radiographs_without_a_patient_give_a_warning(clean: Split, tmp_path: Path) -> None:
    unknown = write_radiograph(tmp_path, "nobody.png", encoded(synthetic_image(9)), patient="")
    result = data_checks.patient_split(scan_dataset(_with_test_radiograph(clean, unknown), PREP))
    assert result.status == "WARN"
    assert result.metrics["share_without_patient"] == pytest.approx(1 / 9)


def test_without_patients_or_a_split_patient_overlap_cannot_be_checked(clean: Split, tmp_path: Path) -> None:
    unnamed = [
        write_radiograph(tmp_path, f"n{n}.png", encoded(synthetic_image(20 + n)), patient="")
        for n in range(4)
    ]
    split = Split(tuple(unnamed[:2]), (), tuple(unnamed[2:]))
    unknown = data_checks.patient_split(scan_dataset(split, PREP))
    without_split = data_checks.patient_split(scan_dataset(clean.train, PREP))
    assert [unknown.status, without_split.status] == ["NOT_POSSIBLE"] * 2
    assert "names its patient" in unknown.summary
    assert "not split" in without_split.summary


def test_the_same_pixels_in_another_encoding_are_an_exact_duplicate(clean: Split, tmp_path: Path) -> None:
    deep = np.rint(np.rint(synthetic_image(0) * 255) * 257 * 0.999).astype(np.uint16)  # equal in 8 bits
    ok, png = cv2.imencode(".png", deep)
    assert ok
    duplicate = write_radiograph(tmp_path, "sixteen-bits.png", bytes(png))
    result = data_checks.exact_duplicates(scan_dataset(_with_test_radiograph(clean, duplicate), PREP))
    assert (result.status, result.value) == ("FAIL", 1)
    assert result.examples == ("0.png = sixteen-bits.png",)


def test_an_image_rotated_by_its_exif_orientation_is_an_exact_duplicate(clean: Split, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # displayed rotated clockwise, so stored rotated the other way
    content = encoded(np.rot90(synthetic_image(0)), exif=exif.tobytes())
    duplicate = write_radiograph(tmp_path, "turned.png", content)
    scan = scan_dataset(_with_test_radiograph(clean, duplicate), PREP)
    assert data_checks.exact_duplicates(scan).status == "FAIL"


def test_a_duplicate_within_a_part_gives_a_warning(clean: Split, tmp_path: Path) -> None:
    original = clean.test[0]
    duplicate = write_radiograph(tmp_path, "copy.png", original.path.read_bytes(), patient=original.patient)
    scan = scan_dataset(_with_test_radiograph(clean, duplicate), PREP)
    assert data_checks.exact_duplicates(scan).status == "WARN"
    near = data_checks.near_duplicates(scan)
    assert (near.status, near.metrics["within_parts"]) == ("PASS", 1)


EDITS: dict[str, Callable[[Grey], Grey]] = {
    "smaller and compressed": lambda grey: cv2.resize(grey, (70, 70), interpolation=cv2.INTER_AREA),
    "brighter": lambda grey: np.clip(grey * 1.2, 0, 1),
    "inverted": lambda grey: 1 - grey,
    "mirrored": lambda grey: grey[:, ::-1],
    "upside down": lambda grey: grey[::-1],
    "rotated left": np.rot90,
    "rotated by 180 degrees": lambda grey: np.rot90(grey, 2),
    "rotated right and inverted": lambda grey: 1 - np.rot90(grey, 3),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_duplicate_across_parts_fails(clean: Split, tmp_path: Path, edit: str) -> None:
    content = encoded(EDITS[edit](synthetic_image(0)), "JPEG", quality=60)
    duplicate = write_radiograph(tmp_path, "changed.jpg", content)
    result = data_checks.near_duplicates(scan_dataset(_with_test_radiograph(clean, duplicate), PREP))
    assert (result.status, result.value) == ("FAIL", 1)
    assert result.examples[0].startswith("0.png = changed.jpg: ")


def test_a_possible_near_duplicate_across_parts_gives_a_warning(clean: Split, tmp_path: Path) -> None:
    blend = encoded(0.65 * synthetic_image(0) + 0.35 * synthetic_image(50))
    scan = scan_dataset(_with_test_radiograph(clean, write_radiograph(tmp_path, "blend.png", blend)), PREP)
    assert [40 < pair.distance <= REVIEW for pair in scan.pairs] == [True]
    assert data_checks.near_duplicates(scan).status == "WARN"


def test_duplicates_in_a_collection_without_a_split_give_a_warning(clean: Split, tmp_path: Path) -> None:
    duplicate = write_radiograph(tmp_path, "copy.jpg", encoded(synthetic_image(0), "JPEG"))
    assert data_checks.near_duplicates(scan_dataset([*clean.train, duplicate], PREP)).status == "WARN"
    assert data_checks.near_duplicates(scan_dataset(clean.train, PREP)).status == "PASS"


@pytest.mark.parametrize(
    ("dates", "status"),
    [(("", ""), "FAIL"), (("2020-03-01", ""), "FAIL"), (("2020-03-01",) * 2, "FAIL"), (("1", "2"), "PASS")],
)
def test_two_labels_of_one_patient_need_two_dates(
    tmp_path: Path, dates: tuple[str, str], status: str
) -> None:
    radiographs = [
        write_radiograph(tmp_path, f"{n}.png", encoded(synthetic_image(n)), label, "p")
        for n, label in enumerate("ab")
    ]
    metadata = {
        radiograph.path: RadiographMetadata(study=date)
        for radiograph, date in zip(radiographs, dates, strict=True)
    }
    result = data_checks.label_conflicts(scan_dataset(radiographs, PREP, metadata=metadata))
    assert (result.status, result.value) == (status, float(status == "FAIL"))


def test_one_image_with_two_labels_is_a_conflict_at_any_dates(tmp_path: Path) -> None:
    radiographs = [
        write_radiograph(tmp_path, f"{n}.png", encoded(synthetic_image(0)), label, "")
        for n, label in enumerate("ab")
    ]
    metadata = {radiograph.path: RadiographMetadata(study=radiograph.path.stem) for radiograph in radiographs}
    scan = scan_dataset(radiographs, PREP, metadata=metadata)
    assert data_checks.label_conflicts(scan).status == "FAIL"


def test_label_conflicts_cannot_be_checked_without_patients(tmp_path: Path) -> None:
    radiographs = [
        write_radiograph(tmp_path, f"{n}.png", encoded(synthetic_image(n)), label, "")
        for n, label in enumerate("ab")
    ]
    assert data_checks.label_conflicts(scan_dataset(radiographs, PREP)).status == "NOT_POSSIBLE"


def test_completeness_counts_metadata_of_files_and_of_the_caller(tmp_path: Path) -> None:
    dicom = radiograph_dicom(PatientSex="F", PatientAge="061Y", StudyDate="20200301", StudyTime="101500")
    radiographs = [
        write_radiograph(tmp_path, "a.dcm", dicom),
        write_radiograph(tmp_path, "b.png", encoded(synthetic_image(1))),
    ]
    metadata = {radiographs[1].path: RadiographMetadata(view="AP", reference="RT-PCR")}
    result = data_checks.metadata_completeness(scan_dataset(radiographs, PREP, metadata=metadata))
    assert result.metrics == {"view": 1, "sex": 0.5, "age": 0.5, "study": 0.5, "reference": 0.5}
    assert (result.status, result.value, result.spec.blocking) == ("WARN", 0.5, False)


def test_damaged_and_missing_radiographs_are_excluded_with_a_reason(clean: Split, tmp_path: Path) -> None:
    damaged = write_radiograph(tmp_path, "bad.png", encoded(synthetic_image(0))[:200])
    missing = LabelledImage(tmp_path / "gone.png", "normal", "gone")
    scan = scan_dataset([*clean.train, damaged, missing], PREP)
    assert len(scan.radiographs) == 4
    assert [(item.radiograph.path.name, item.reason) for item in scan.excluded] == [
        ("bad.png", "damaged"),
        ("gone.png", "unreadable"),
    ]
