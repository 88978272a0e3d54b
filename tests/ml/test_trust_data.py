"""Repeated radiographs, patients and labels across the parts of a split are found (checks A1 to A4, A7)."""

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
from ml.trust.dataset_scan import Background, scan_dataset
from ml.trust.near_duplicate_pairs import REVIEW
from tests.ml.trust_radiographs import PREP, encoded, filed, picture
from tests.radiographs import radiograph_dicom


@pytest.fixture
def clean(tmp_path: Path) -> Split:
    """Give eight radiographs of eight patients: four to learn from, four to test on."""
    radiographs = [filed(tmp_path, f"{n}.png", encoded(picture(n))) for n in range(8)]
    return Split(train=tuple(radiographs[:4]), validation=(), test=tuple(radiographs[4:]))


def _also_tested(split: Split, radiograph: LabelledImage) -> Split:
    return Split(split.train, split.validation, (*split.test, radiograph))


def test_different_radiographs_of_different_patients_pass(clean: Split) -> None:
    seen = scan_dataset(clean, PREP)
    assert seen.pairs == ()
    for check in (
        data_checks.patient_split,
        data_checks.exact_duplicates,
        data_checks.near_duplicates,
        data_checks.label_conflict,
    ):
        assert check(seen).status == "PASS", check


def test_a_patient_on_both_sides_fails(clean: Split, tmp_path: Path) -> None:
    again = filed(tmp_path, "again.png", encoded(picture(9)), patient=clean.train[0].patient)
    found = data_checks.patient_split(scan_dataset(_also_tested(clean, again), PREP))
    assert (found.status, found.value, found.n) == ("FAIL", 1, 9)
    assert found.figures["share_of_test_radiographs_known_from_learning"] == pytest.approx(1 / 5)
    assert found.examples == ("0.png = again.png",)
    assert found.blocking


def test_a_copy_under_another_patient_counts_as_the_same_patient(clean: Split, tmp_path: Path) -> None:
    copy = filed(tmp_path, "copy.jpg", encoded(picture(0), "JPEG", quality=60))
    assert data_checks.patient_split(scan_dataset(_also_tested(clean, copy), PREP)).status == "FAIL"


def test_many_radiographs_without_a_patient_warn(clean: Split, tmp_path: Path) -> None:
    nobody = filed(tmp_path, "nobody.png", encoded(picture(9)), patient="")
    found = data_checks.patient_split(scan_dataset(_also_tested(clean, nobody), PREP))
    assert found.status == "WARN"
    assert found.figures["share_without_patient"] == pytest.approx(1 / 9)


def test_without_patients_or_parts_nothing_can_be_said_of_the_split(clean: Split, tmp_path: Path) -> None:
    nobody = [filed(tmp_path, f"n{n}.png", encoded(picture(20 + n)), patient="") for n in range(4)]
    unknown = data_checks.patient_split(scan_dataset(Split(tuple(nobody[:2]), (), tuple(nobody[2:])), PREP))
    unparted = data_checks.patient_split(scan_dataset(clean.train, PREP))
    assert [unknown.status, unparted.status] == ["NOT_POSSIBLE"] * 2
    assert "whose" in unknown.words
    assert "parted" in unparted.words


def test_the_same_pixels_in_another_wrapping_are_an_exact_copy(clean: Split, tmp_path: Path) -> None:
    deep = np.rint(np.rint(picture(0) * 255) * 257 * 0.999).astype(np.uint16)  # the same when shown in 8 bits
    ok, png = cv2.imencode(".png", deep)
    assert ok
    copy = filed(tmp_path, "sixteen-bits.png", bytes(png))
    found = data_checks.exact_duplicates(scan_dataset(_also_tested(clean, copy), PREP))
    assert (found.status, found.value) == ("FAIL", 1)
    assert found.examples == ("0.png = sixteen-bits.png",)


def test_a_copy_turned_by_exif_is_an_exact_copy(clean: Split, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned clockwise, so stored turned the other way
    copy = filed(tmp_path, "turned.png", encoded(np.rot90(picture(0)), exif=exif.tobytes()))
    assert data_checks.exact_duplicates(scan_dataset(_also_tested(clean, copy), PREP)).status == "FAIL"


def test_a_copy_inside_a_part_warns(clean: Split, tmp_path: Path) -> None:
    copy = filed(tmp_path, "copy.png", clean.test[0].path.read_bytes(), patient=clean.test[0].patient)
    seen = scan_dataset(_also_tested(clean, copy), PREP)
    assert data_checks.exact_duplicates(seen).status == "WARN"
    near = data_checks.near_duplicates(seen)
    assert (near.status, near.figures["inside_parts"]) == ("PASS", 1)


CHANGES: dict[str, Callable[[Grey], Grey]] = {
    "smaller and compressed": lambda grey: cv2.resize(grey, (70, 70), interpolation=cv2.INTER_AREA),
    "brighter": lambda grey: np.clip(grey * 1.2, 0, 1),
    "inverted": lambda grey: 1 - grey,
    "mirrored": lambda grey: grey[:, ::-1],
    "upside down": lambda grey: grey[::-1],
    "turned left": np.rot90,
    "turned by half": lambda grey: np.rot90(grey, 2),
    "turned right and inverted": lambda grey: 1 - np.rot90(grey, 3),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_across_parts_fails(clean: Split, tmp_path: Path, change: str) -> None:
    copy = filed(tmp_path, "changed.jpg", encoded(CHANGES[change](picture(0)), "JPEG", quality=60))
    found = data_checks.near_duplicates(scan_dataset(_also_tested(clean, copy), PREP))
    assert (found.status, found.value) == ("FAIL", 1)
    assert found.examples[0].startswith("0.png = changed.jpg: ")


def test_a_doubtful_pair_across_parts_is_for_a_person(clean: Split, tmp_path: Path) -> None:
    blend = 0.65 * picture(0) + 0.35 * picture(50)
    seen = scan_dataset(_also_tested(clean, filed(tmp_path, "blend.png", encoded(blend))), PREP)
    assert [40 < pair.distance <= REVIEW for pair in seen.pairs] == [True]
    assert data_checks.near_duplicates(seen).status == "WARN"


def test_copies_in_radiographs_not_yet_parted_warn(clean: Split, tmp_path: Path) -> None:
    copy = filed(tmp_path, "copy.jpg", encoded(picture(0), "JPEG"))
    assert data_checks.near_duplicates(scan_dataset([*clean.train, copy], PREP)).status == "WARN"
    assert data_checks.near_duplicates(scan_dataset(clean.train, PREP)).status == "PASS"


@pytest.mark.parametrize(
    ("dates", "status"),
    [(("", ""), "FAIL"), (("2020-03-01", ""), "FAIL"), (("2020-03-01",) * 2, "FAIL"), (("1", "2"), "PASS")],
)
def test_two_labels_of_one_patient_need_two_dates(
    tmp_path: Path, dates: tuple[str, str], status: str
) -> None:
    radiographs = [filed(tmp_path, f"{n}.png", encoded(picture(n)), lab, "p") for n, lab in enumerate("ab")]
    told = {
        radiograph.path: Background(study=date) for radiograph, date in zip(radiographs, dates, strict=True)
    }
    found = data_checks.label_conflict(scan_dataset(radiographs, PREP, background=told))
    assert (found.status, found.value) == (status, float(status == "FAIL"))


def test_one_picture_with_two_labels_is_a_conflict_whatever_the_dates(tmp_path: Path) -> None:
    radiographs = [filed(tmp_path, f"{n}.png", encoded(picture(0)), lab, "") for n, lab in enumerate("ab")]
    told = {radiograph.path: Background(study=radiograph.path.stem) for radiograph in radiographs}
    assert data_checks.label_conflict(scan_dataset(radiographs, PREP, background=told)).status == "FAIL"


def test_labels_cannot_be_compared_without_patients(tmp_path: Path) -> None:
    radiographs = [filed(tmp_path, f"{n}.png", encoded(picture(n)), lab, "") for n, lab in enumerate("ab")]
    assert data_checks.label_conflict(scan_dataset(radiographs, PREP)).status == "NOT_POSSIBLE"


def test_completeness_counts_what_files_and_lists_say(tmp_path: Path) -> None:
    dicom = radiograph_dicom(PatientSex="F", PatientAge="061Y", StudyDate="20200301", StudyTime="101500")
    radiographs = [filed(tmp_path, "a.dcm", dicom), filed(tmp_path, "b.png", encoded(picture(1)))]
    told = {radiographs[1].path: Background(view="AP", reference="RT-PCR")}
    found = data_checks.completeness(scan_dataset(radiographs, PREP, background=told))
    assert found.figures == {"view": 1, "sex": 0.5, "age": 0.5, "study": 0.5, "reference": 0.5}
    assert (found.status, found.value, found.blocking) == ("WARN", 0.5, False)


def test_a_damaged_radiograph_is_named_and_left_out(clean: Split, tmp_path: Path) -> None:
    bad = filed(tmp_path, "bad.png", encoded(picture(0))[:200])
    gone = LabelledImage(tmp_path / "gone.png", "normal", "gone")
    seen = scan_dataset([*clean.train, bad, gone], PREP)
    assert len(seen.radiographs) == 4
    assert [(out.radiograph.path.name, out.reason) for out in seen.left_out] == [
        ("bad.png", "damaged"),
        ("gone.png", "unreadable"),
    ]
