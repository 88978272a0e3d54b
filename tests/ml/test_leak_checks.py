"""Planted leaks are found before a training, each with its radiographs, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.datasets.patient_split import split_by_patient
from ml.records import Grey, LabelledImage
from ml.trust.dataset_scan import scan_dataset
from ml.trust.leak_checks import (
    LeakCheck,
    check_for_leaks,
    duplicates_across_patients,
    near_duplicates_of,
    single_sources,
)
from tests.ml.trust_radiographs import PREP, encoded, synthetic_image, write_radiograph

PER_FINDING = 12


def drawn(
    folder: Path, border: Callable[[Grey, bool], None] = lambda _grey, _target: None
) -> list[LabelledImage]:
    """Draw radiographs of two findings that differ by chance only, and by what `border` draws."""
    images = []
    for number in range(2 * PER_FINDING):
        target = number % 2 == 0
        grey = synthetic_image(number)
        border(grey, target)
        label = "covid-19" if target else "normal"
        images.append(write_radiograph(folder, f"{number}.png", encoded(grey), label, source="ward"))
    return images


def failed(checks: tuple[LeakCheck, ...]) -> list[str]:
    return [check.code for check in checks if check.failed]


@pytest.mark.slow
def test_radiographs_without_a_leak_pass_every_check(tmp_path: Path) -> None:
    checks = check_for_leaks(drawn(tmp_path), PREP).checks

    assert {check.code: check.status for check in checks} == {
        "duplicates": "PASS",
        "sources": "PASS",
        "header": "PASS",
        "border": "PASS",
    }


@pytest.mark.slow
def test_a_cropped_copy_under_another_patient_is_named_and_kept_out_of_the_other_parts(
    tmp_path: Path,
) -> None:
    images = drawn(tmp_path)
    part = synthetic_image(4)[6:92, 2:88]  # without a tenth of each side
    copy = write_radiograph(tmp_path, "part.png", encoded(part), "covid-19", "another patient", "ward")

    report = check_for_leaks([*images, copy], PREP)

    assert [set(group) for group in report.checks[0].groups] == [{tmp_path / "4.png", copy.path}]
    assert [set(pair) for pair in report.near_duplicates.pairs] == [{tmp_path / "4.png", copy.path}]


@pytest.mark.parametrize(
    "edit",
    [
        lambda grey: np.rot90(grey),
        lambda grey: np.rot90(grey, 2),
        lambda grey: grey[:, ::-1],
        lambda grey: 1 - grey,
        lambda grey: np.rot90(grey, 3)[:, ::-1],
        lambda grey: grey,
    ],
    ids=["rotated by 90", "rotated by 180", "mirrored", "inverted", "rotated and mirrored", "equal"],
)
def test_a_copy_under_another_patient_is_named_with_its_original(
    tmp_path: Path, edit: Callable[[Grey], Grey]
) -> None:
    images = drawn(tmp_path)
    copy = write_radiograph(
        tmp_path, "copy.png", encoded(edit(synthetic_image(4))), "covid-19", "another patient", "ward"
    )

    check = duplicates_across_patients(scan_dataset([*images, copy], PREP))

    assert (check.status, check.value) == ("FAIL", 1.0)
    assert [set(group) for group in check.groups] == [{tmp_path / "4.png", copy.path}]


def test_two_radiographs_of_one_patient_may_show_the_same_image(tmp_path: Path) -> None:
    images = drawn(tmp_path)
    copy = write_radiograph(
        tmp_path, "copy.png", encoded(np.rot90(synthetic_image(4))), "covid-19", images[4].patient, "ward"
    )

    assert duplicates_across_patients(scan_dataset([*images, copy], PREP)).status == "PASS"


def test_the_split_keeps_a_rotated_copy_with_its_original(tmp_path: Path) -> None:
    images = drawn(tmp_path)
    copies = [
        write_radiograph(
            tmp_path, f"copy-{n}.png", encoded(np.rot90(synthetic_image(n))), images[n].label, f"other {n}"
        )
        for n in range(2 * PER_FINDING)
    ]
    duplicates = near_duplicates_of(scan_dataset([*images, *copies], PREP))

    split = split_by_patient([*images, *copies], seed=7, near_duplicates=duplicates)

    part_of = {each.path: name for name in ("train", "validation", "test") for each in getattr(split, name)}
    pairs = [(part_of.get(images[n].path), part_of.get(copy.path)) for n, copy in enumerate(copies)]
    assert not [pair for pair in pairs if None not in pair and pair[0] != pair[1]]


def test_a_finding_from_a_source_of_its_own_is_named_with_its_radiographs(tmp_path: Path) -> None:
    images = [
        replace(image, source="other ward") if image.label == "normal" else image for image in drawn(tmp_path)
    ]
    images.append(
        write_radiograph(tmp_path, "mixed.png", encoded(synthetic_image(99)), "covid-19", source="other ward")
    )

    check = single_sources(scan_dataset(images, PREP))

    # 1 of the 13 COVID-19 radiographs, but each normal one, comes from a ward with both findings.
    assert (check.status, check.findings) == ("FAIL", ("covid-19",))
    assert check.value == pytest.approx(1 / 13)
    assert set(check.groups[0]) == {image.path for image in images if image.source == "ward"}


def test_one_source_of_all_findings_tells_nothing(tmp_path: Path) -> None:
    check = single_sources(scan_dataset(drawn(tmp_path), PREP))

    assert (check.status, check.value) == ("PASS", 1.0)


@pytest.mark.slow
def test_a_marker_at_the_border_is_named_with_the_radiographs_that_have_it(tmp_path: Path) -> None:
    def mark(grey: Grey, target: bool) -> None:
        grey[:4] = 1.0 if target else 0.0

    checks = check_for_leaks(drawn(tmp_path, mark), PREP).checks

    assert "border" in failed(checks)
    named = next(check for check in checks if check.code == "border").groups[0]
    assert {path.name for path in named} == {f"{n}.png" for n in range(0, 2 * PER_FINDING, 2)}


@pytest.mark.slow
def test_a_property_of_the_uploaded_file_that_tells_the_finding_is_found(tmp_path: Path) -> None:
    images = drawn(tmp_path)
    tags = {image.path: ("DICOM" if image.label == "covid-19" else "JPEG", "12") for image in images}

    assert failed(check_for_leaks(images, PREP).checks) == []
    assert failed(check_for_leaks(images, PREP, tags=tags).checks) == ["header"]
