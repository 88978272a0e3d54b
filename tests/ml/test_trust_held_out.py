"""Check B4: a held-out source separates features of the finding from features of the source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.records import Grey, LabelledImage
from ml.trust.dataset_scan import scan_dataset
from ml.trust.source_held_out import eligible_sources, source_held_out
from tests.ml.trust_radiographs import PREP, encoded, synthetic_image, write_radiograph

pytestmark = pytest.mark.slow

PER_CLASS = 15


def _with_sign(grey: Grey, row: int) -> Grey:
    marked: Grey = grey * np.float32(0.4)
    marked[row : row + 24, 30:66] += np.float32(0.6)
    return marked


def _radiographs(folder: Path, rows: dict[str, int], inverted: str = "") -> list[LabelledImage]:
    """Return 15 radiographs with and 15 without the target for each source; one source may be inverted."""
    radiographs: list[LabelledImage] = []
    for source, row in rows.items():
        for n in range(2 * PER_CLASS):
            grey = synthetic_image(len(radiographs))
            positive = n < PER_CLASS
            has_sign = positive != (source == inverted)
            image = _with_sign(grey, row) if has_sign else grey * np.float32(0.4)
            label = "covid-19" if positive else "normal"
            radiographs.append(
                write_radiograph(folder, f"{source}-{n}.png", encoded(image), label, source=source)
            )
    return radiographs


def test_a_sign_shared_by_all_sources_passes(tmp_path: Path) -> None:
    radiographs = _radiographs(tmp_path, {"one": 36, "two": 36, "three": 36})
    result = source_held_out(scan_dataset(radiographs, PREP))
    assert result.status == "PASS"
    assert result.value is not None
    assert result.value > 0.95
    assert result.n == 2 * PER_CLASS


def test_a_sign_with_the_opposite_meaning_in_one_source_fails(tmp_path: Path) -> None:
    radiographs = _radiographs(tmp_path, {"one": 36, "two": 36, "three": 36}, inverted="three")
    result = source_held_out(scan_dataset(radiographs, PREP))
    assert result.status == "FAIL"
    assert "without three" in result.summary
    assert "ranking is inverted" in result.summary
    assert result.value is not None
    assert result.value < 0.1


def test_a_retraining_is_tested_on_the_held_out_source_only(tmp_path: Path) -> None:
    scan = scan_dataset(_radiographs(tmp_path, {"one": 36, "two": 36}), PREP)
    sources = np.array([image.radiograph.source for image in scan.radiographs])
    tested: list[str] = []

    def perfect_model(_scan: object, train: np.ndarray, test: np.ndarray) -> np.ndarray:
        (held_out,) = set(sources[test])
        assert held_out not in set(sources[train])
        tested.append(str(held_out))
        return scan.truth[test].astype(float)

    assert source_held_out(scan, retrain=perfect_model).value == 1
    assert sorted(tested) == ["one", "two"]


def test_a_source_with_a_single_class_cannot_be_held_out(tmp_path: Path) -> None:
    radiographs = [
        radiograph
        for radiograph in _radiographs(tmp_path, {"one": 36, "two": 36})
        if (radiograph.source == "one") == (radiograph.label == "covid-19")
    ]
    scan = scan_dataset(radiographs, PREP)
    assert eligible_sources(scan) == {}
    assert source_held_out(scan).status == "NOT_POSSIBLE"


def test_a_single_source_leaves_no_training_set(tmp_path: Path) -> None:
    scan = scan_dataset(_radiographs(tmp_path, {"one": 36}), PREP)
    assert source_held_out(scan).status == "NOT_POSSIBLE"


@pytest.mark.parametrize("negatives", [9, 10])
def test_a_source_needs_ten_radiographs_of_each_class(tmp_path: Path, negatives: int) -> None:
    radiographs = [
        radiograph
        for n, radiograph in enumerate(_radiographs(tmp_path, {"one": 36, "two": 36}))
        if not (radiograph.source == "two" and n % (2 * PER_CLASS) >= PER_CLASS + negatives)
    ]
    assert ("two" in eligible_sources(scan_dataset(radiographs, PREP))) == (negatives == 10)
