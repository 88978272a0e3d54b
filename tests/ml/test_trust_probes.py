"""Planted shortcuts are found, and none where none was planted (checks A5, A6, B1, B2, B5, B6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.records import Grey, LabelledImage
from ml.trust import cross_validation, shortcut_probes, source_confounding
from ml.trust.dataset_scan import DatasetScan, scan_dataset
from tests.ml.trust_radiographs import PREP, encoded, filed, picture

Draw = Callable[[int, bool], bytes]  # number, whether the target is shown
WITH, WITHOUT = 25, 50


def _plain(number: int, target: bool) -> bytes:
    return encoded(picture(number))


def _marked_border(number: int, target: bool) -> bytes:
    grey = picture(number)
    grey[:4] = 1.0 if target else 0.0
    return encoded(grey)


def _bright_centre(number: int, target: bool) -> bytes:
    grey: Grey = picture(number) * np.float32(0.5)
    grey[35:60, 35:60] += np.float32(0.5 if target else 0.0)
    return encoded(grey)


def _other_size(number: int, target: bool) -> bytes:
    return encoded(picture(number, (100, 80) if target else (96, 96)))


def _radiographs(folder: Path, draw: Draw) -> list[LabelledImage]:
    shown = [number < WITH for number in range(WITH + WITHOUT)]
    return [
        filed(folder, f"{n}.png", draw(n, target), "covid-19" if target else "normal", source="one")
        for n, target in enumerate(shown)
    ]


@pytest.fixture
def seen(tmp_path: Path) -> Callable[[Draw], DatasetScan]:
    """Survey 25 radiographs with the target and 50 without, each of another patient."""
    return lambda draw: scan_dataset(_radiographs(tmp_path, draw), PREP)


def test_a_mark_at_the_border_fails(seen: Callable[[Draw], DatasetScan]) -> None:
    found = seen(_marked_border)
    border, ratio = shortcut_probes.border_probe(found), shortcut_probes.no_lung_ratio(found)
    assert (border.status, border.value, border.ci) == ("FAIL", 1, (1, 1))
    assert ratio.status == "FAIL"
    assert ratio.value == pytest.approx(1, abs=0.05)
    assert border.blocking
    assert ratio.blocking


def test_a_difference_between_the_lungs_is_no_shortcut(seen: Callable[[Draw], DatasetScan]) -> None:
    found = seen(_bright_centre)
    border, ratio = shortcut_probes.border_probe(found), shortcut_probes.no_lung_ratio(found)
    assert border.status == "PASS"
    assert ratio.figures["auroc_whole"] > 0.95
    assert ratio.status == "PASS"


def test_where_a_thumbnail_tells_nothing_a_ratio_means_nothing(seen: Callable[[Draw], DatasetScan]) -> None:
    found = seen(_plain)
    assert shortcut_probes.border_probe(found).status == "PASS"
    ratio = shortcut_probes.no_lung_ratio(found)
    assert (ratio.status, ratio.value) == ("NOT_POSSIBLE", None)


def test_the_border_is_a_tenth_of_the_width_and_the_lungs_three_quarters(tmp_path: Path) -> None:
    white = np.full((200, 200), 1, np.float32)
    white[100, 100] = 0  # a blank picture would be refused
    found = scan_dataset([filed(tmp_path, "white.png", encoded(white))], PREP)
    assert found.frame.mean() == pytest.approx(1 - 0.9**2, abs=1e-3)
    assert found.centre_black.mean() == pytest.approx(1 - 0.76**2, abs=0.005)  # 58 % of the area is black
    assert found.whole.mean() == pytest.approx(1, abs=1e-3)


def test_files_of_another_size_fail_the_header_probe(seen: Callable[[Draw], DatasetScan]) -> None:
    found = source_confounding.header_probe(seen(_other_size))
    assert (found.status, found.value) == ("FAIL", 1)


def test_radiographs_without_a_patient_take_no_part_in_a_probe(seen: Callable[[Draw], DatasetScan]) -> None:
    found = seen(_marked_border)
    some = tuple(
        replace(one, radiograph=replace(one.radiograph, patient="")) for one in found.radiographs[:10]
    )
    nobody = tuple(replace(one, radiograph=replace(one.radiograph, patient="")) for one in found.radiographs)
    assert (
        shortcut_probes.border_probe(replace(found, radiographs=some + found.radiographs[10:])).n
        == WITH + WITHOUT - 10
    )
    for check in (
        shortcut_probes.border_probe,
        shortcut_probes.no_lung_ratio,
        shortcut_probes.permuted_labels,
        source_confounding.header_probe,
    ):
        assert check(replace(found, radiographs=nobody)).status == "NOT_POSSIBLE"
    assert shortcut_probes.trivial_baseline(replace(found, radiographs=nobody)).status == "NOT_POSSIBLE"


def test_four_patients_are_too_few_for_five_folds(seen: Callable[[Draw], DatasetScan]) -> None:
    found = seen(_marked_border)
    few = replace(found, groups=np.where(found.truth, found.groups % 4, found.groups))
    assert "there are 4 and 50" in shortcut_probes.border_probe(few).words


def test_no_patient_is_learnt_from_and_tested_on_at_once(seen: Callable[[Draw], DatasetScan]) -> None:
    found = seen(_plain)
    groups = found.groups // 3
    parts = cross_validation.thumbnail_folds(found.whole, found.truth, groups)
    for part in parts:
        assert not set(groups[part.learnt]) & set(groups[part.tested])
        assert part.learnt_inputs.shape[1] == min(60, len(part.learnt))
    assert sorted(np.concatenate([part.tested for part in parts])) == list(range(len(groups)))


def test_shuffled_labels_tell_nothing(seen: Callable[[Draw], DatasetScan]) -> None:
    found = shortcut_probes.permuted_labels(seen(_marked_border))
    assert found.value == pytest.approx(0.5, abs=0.03)
    assert (found.status, found.blocking) == ("PASS", False)


def test_the_thumbnail_s_accuracy_stands_beside_the_network_s(seen: Callable[[Draw], DatasetScan]) -> None:
    found = seen(_bright_centre)
    alone = shortcut_probes.trivial_baseline(found)
    assert alone.value is not None
    assert alone.value > 0.9
    assert alone.status == "NOT_POSSIBLE"
    assert shortcut_probes.trivial_baseline(found, model_accuracy=alone.value + 0.019).status == "WARN"
    assert shortcut_probes.trivial_baseline(found, model_accuracy=alone.value + 0.021).status == "PASS"


def _from(found: DatasetScan, sources: list[str]) -> DatasetScan:
    radiographs = [
        replace(one, radiograph=replace(one.radiograph, source=source))
        for one, source in zip(found.radiographs, sources, strict=True)
    ]
    return replace(found, radiographs=tuple(radiographs))


def test_one_source_of_both_findings_passes(seen: Callable[[Draw], DatasetScan]) -> None:
    found = source_confounding.source_confounding(seen(_plain), model_balanced_accuracy=0.9)
    assert (found.status, found.value) == ("PASS", 0)
    assert found.figures["mixed_source_share"] == 1
    assert found.figures["source_only_balanced_accuracy"] == 0.5


def test_a_source_of_its_own_for_the_target_fails(seen: Callable[[Draw], DatasetScan]) -> None:
    found = source_confounding.source_confounding(_from(seen(_plain), ["a"] * WITH + ["b"] * WITHOUT))
    assert (found.status, found.value) == ("FAIL", 1)
    assert found.ci == pytest.approx((1, 1))


def test_a_model_no_better_than_the_source_fails(seen: Callable[[Draw], DatasetScan]) -> None:
    # a: 20 with, 10 without; b: 5 with, 40 without: V = (20 * 40 - 10 * 5) / sqrt(30 * 45 * 25 * 50) = 0.577
    mixed = _from(seen(_plain), ["a"] * 20 + ["b"] * 5 + ["a"] * 10 + ["b"] * 40)
    found = source_confounding.source_confounding(mixed, model_balanced_accuracy=0.86)
    assert found.value == pytest.approx(750 / np.sqrt(30 * 45 * 25 * 50))
    assert found.figures["source_only_balanced_accuracy"] == pytest.approx(0.8)
    assert found.status == "WARN"
    assert source_confounding.source_confounding(mixed, model_balanced_accuracy=0.84).status == "FAIL"


def test_where_no_source_is_known_nothing_can_be_said(seen: Callable[[Draw], DatasetScan]) -> None:
    unknown = _from(seen(_plain), [""] * (WITH + WITHOUT))
    assert source_confounding.source_confounding(unknown).status == "NOT_POSSIBLE"
