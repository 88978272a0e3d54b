"""Synthetic shortcuts are detected, and none where there is none (checks A5, A6, B1, B2, B5, B6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.records import Grey, LabelledImage
from ml.trust import cross_validation, shortcut_probes, source_confounding
from ml.trust.dataset_scan import DatasetScan, scan_dataset
from tests.ml.trust_radiographs import PREP, encoded, synthetic_image, write_radiograph

pytestmark = pytest.mark.slow

Draw = Callable[[int, bool], bytes]  # number, whether the target is present
Scan = Callable[[Draw], DatasetScan]
WITH, WITHOUT = 25, 50


def _plain(number: int, target: bool) -> bytes:
    return encoded(synthetic_image(number))


def _marked_border(number: int, target: bool) -> bytes:
    grey = synthetic_image(number)
    grey[:4] = 1.0 if target else 0.0
    return encoded(grey)


def _bright_centre(number: int, target: bool) -> bytes:
    grey: Grey = synthetic_image(number) * np.float32(0.5)
    grey[35:60, 35:60] += np.float32(0.5 if target else 0.0)
    return encoded(grey)


def _other_size(number: int, target: bool) -> bytes:
    return encoded(synthetic_image(number, (100, 80) if target else (96, 96)))


def _radiographs(folder: Path, draw: Draw) -> list[LabelledImage]:
    targets = [number < WITH for number in range(WITH + WITHOUT)]
    return [
        write_radiograph(
            folder, f"{n}.png", draw(n, target), "covid-19" if target else "normal", source="one"
        )
        for n, target in enumerate(targets)
    ]


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """Scan 25 radiographs with the target and 50 without, each of another patient."""
    return lambda draw: scan_dataset(_radiographs(tmp_path, draw), PREP)


def _without_patients(scanned: DatasetScan, count: int) -> DatasetScan:
    unnamed = tuple(
        replace(image, radiograph=replace(image.radiograph, patient=""))
        for image in scanned.radiographs[:count]
    )
    return replace(scanned, radiographs=unnamed + scanned.radiographs[count:])


def test_a_mark_at_the_border_fails(scan: Scan) -> None:
    scanned = scan(_marked_border)
    border, ratio = shortcut_probes.border_probe(scanned), shortcut_probes.no_lung_ratio(scanned)
    assert (border.status, border.value, border.ci) == ("FAIL", 1, (1, 1))
    assert ratio.status == "FAIL"
    assert ratio.value == pytest.approx(1, abs=0.05)
    assert border.spec.blocking
    assert ratio.spec.blocking


def test_a_difference_inside_the_lung_region_is_not_a_shortcut(scan: Scan) -> None:
    scanned = scan(_bright_centre)
    border, ratio = shortcut_probes.border_probe(scanned), shortcut_probes.no_lung_ratio(scanned)
    assert border.status == "PASS"
    assert ratio.metrics["auroc_full"] > 0.95
    assert ratio.status == "PASS"


def test_the_ratio_is_not_possible_for_a_thumbnail_at_chance_level(scan: Scan) -> None:
    scanned = scan(_plain)
    assert shortcut_probes.border_probe(scanned).status == "PASS"
    ratio = shortcut_probes.no_lung_ratio(scanned)
    assert (ratio.status, ratio.value) == ("NOT_POSSIBLE", None)


def test_the_border_is_a_tenth_of_the_width_and_the_lung_region_three_quarters(tmp_path: Path) -> None:
    white = np.full((200, 200), 1, np.float32)
    white[100, 100] = 0  # a constant image is refused
    scanned = scan_dataset([write_radiograph(tmp_path, "white.png", encoded(white))], PREP)
    assert scanned.border.mean() == pytest.approx(1 - 0.9**2, abs=1e-3)
    assert scanned.lungs_masked.mean() == pytest.approx(1 - 0.76**2, abs=0.005)  # 58 % of the area is black
    assert scanned.full.mean() == pytest.approx(1, abs=1e-3)


def test_files_of_another_size_fail_the_header_probe(scan: Scan) -> None:
    result = source_confounding.header_probe(scan(_other_size))
    assert (result.status, result.value) == ("FAIL", 1)


def test_radiographs_without_a_patient_are_excluded_from_probes(scan: Scan) -> None:
    scanned = scan(_marked_border)
    assert shortcut_probes.border_probe(_without_patients(scanned, 10)).n == WITH + WITHOUT - 10
    unnamed = _without_patients(scanned, WITH + WITHOUT)
    for check in (
        shortcut_probes.border_probe,
        shortcut_probes.no_lung_ratio,
        shortcut_probes.permuted_labels,
        source_confounding.header_probe,
    ):
        assert check(unnamed).status == "NOT_POSSIBLE"
    assert shortcut_probes.thumbnail_baseline(unnamed).status == "NOT_POSSIBLE"


def test_four_patients_are_too_few_for_five_folds(scan: Scan) -> None:
    scanned = scan(_marked_border)
    few = replace(scanned, groups=np.where(scanned.truth, scanned.groups % 4, scanned.groups))
    assert "there are 4 and 50" in shortcut_probes.border_probe(few).summary


def test_no_patient_is_in_the_training_and_the_test_set_of_a_fold(scan: Scan) -> None:
    scanned = scan(_plain)
    groups = scanned.groups // 3
    folds = cross_validation.thumbnail_folds(scanned.full, scanned.truth, groups)
    for fold in folds:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert fold.train_inputs.shape[1] == min(60, len(fold.train))
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(groups)))


def test_permuted_labels_are_predicted_at_chance_level(scan: Scan) -> None:
    result = shortcut_probes.permuted_labels(scan(_marked_border))
    assert result.value == pytest.approx(0.5, abs=0.03)
    assert (result.status, result.spec.blocking) == ("PASS", False)


def test_the_network_must_exceed_the_thumbnail_baseline_by_two_points(scan: Scan) -> None:
    scanned = scan(_bright_centre)
    alone = shortcut_probes.thumbnail_baseline(scanned)
    assert alone.value is not None
    assert alone.value > 0.9
    assert alone.status == "NOT_POSSIBLE"
    assert shortcut_probes.thumbnail_baseline(scanned, model_accuracy=alone.value + 0.019).status == "WARN"
    assert shortcut_probes.thumbnail_baseline(scanned, model_accuracy=alone.value + 0.021).status == "PASS"


def _with_sources(scanned: DatasetScan, sources: list[str]) -> DatasetScan:
    images = [
        replace(image, radiograph=replace(image.radiograph, source=source))
        for image, source in zip(scanned.radiographs, sources, strict=True)
    ]
    return replace(scanned, radiographs=tuple(images))


def test_one_source_with_both_classes_passes(scan: Scan) -> None:
    result = source_confounding.source_confounding(scan(_plain), model_balanced_accuracy=0.9)
    assert (result.status, result.value) == ("PASS", 0)
    assert result.metrics["mixed_source_share"] == 1
    assert result.metrics["source_only_balanced_accuracy"] == 0.5


def test_a_separate_source_for_the_target_fails(scan: Scan) -> None:
    separate = _with_sources(scan(_plain), ["a"] * WITH + ["b"] * WITHOUT)
    result = source_confounding.source_confounding(separate)
    assert (result.status, result.value) == ("FAIL", 1)
    assert result.ci == pytest.approx((1, 1))


def test_a_model_no_better_than_the_source_fails(scan: Scan) -> None:
    # a: 20 with, 10 without; b: 5 with, 40 without: V = (20 * 40 - 10 * 5) / sqrt(30 * 45 * 25 * 50) = 0.577
    mixed = _with_sources(scan(_plain), ["a"] * 20 + ["b"] * 5 + ["a"] * 10 + ["b"] * 40)
    result = source_confounding.source_confounding(mixed, model_balanced_accuracy=0.86)
    assert result.value == pytest.approx(750 / np.sqrt(30 * 45 * 25 * 50))
    assert result.metrics["source_only_balanced_accuracy"] == pytest.approx(0.8)
    assert result.status == "WARN"
    assert source_confounding.source_confounding(mixed, model_balanced_accuracy=0.84).status == "FAIL"


def test_confounding_cannot_be_checked_without_known_sources(scan: Scan) -> None:
    unknown = _with_sources(scan(_plain), [""] * (WITH + WITHOUT))
    assert source_confounding.source_confounding(unknown).status == "NOT_POSSIBLE"
