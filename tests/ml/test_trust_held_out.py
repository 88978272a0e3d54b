"""Check B4: a source that is held out shows what was learnt of the finding and what of the place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml.records import Grey, LabelledImage
from ml.trust.dataset_scan import scan_dataset
from ml.trust.source_held_out import source_held_out, sources_with_both
from tests.ml.trust_radiographs import PREP, encoded, filed, picture

EACH = 15


def _sign(grey: Grey, row: int) -> Grey:
    marked: Grey = grey * np.float32(0.4)
    marked[row : row + 24, 30:66] += np.float32(0.6)
    return marked


def _radiographs(folder: Path, rows: dict[str, int], odd: str = "") -> list[LabelledImage]:
    """Draw 15 radiographs with and 15 without the target a source; in the odd one the others bear the sign."""
    radiographs: list[LabelledImage] = []
    for source, row in rows.items():
        for n in range(2 * EACH):
            grey = picture(len(radiographs))
            shown = n < EACH
            drawn = _sign(grey, row) if shown != (source == odd) else grey * np.float32(0.4)
            name = f"{source}-{n}.png"
            label = "covid-19" if shown else "normal"
            radiographs.append(filed(folder, name, encoded(drawn), label, source=source))
    return radiographs


def test_a_sign_that_all_sources_share_passes(tmp_path: Path) -> None:
    found = source_held_out(scan_dataset(_radiographs(tmp_path, {"one": 36, "two": 36, "three": 36}), PREP))
    assert found.status == "PASS"
    assert found.value is not None
    assert found.value > 0.95
    assert found.n == 2 * EACH


def test_a_sign_that_means_the_opposite_elsewhere_fails(tmp_path: Path) -> None:
    radiographs = _radiographs(tmp_path, {"one": 36, "two": 36, "three": 36}, odd="three")
    found = source_held_out(scan_dataset(radiographs, PREP))
    assert found.status == "FAIL"
    assert "without three" in found.words
    assert "the wrong way round" in found.words
    assert found.value is not None
    assert found.value < 0.1


def test_what_a_caller_retrains_is_asked_about_the_held_out_radiographs_only(tmp_path: Path) -> None:
    seen = scan_dataset(_radiographs(tmp_path, {"one": 36, "two": 36}), PREP)
    sources = np.array([one.radiograph.source for one in seen.radiographs])
    asked_about: list[str] = []

    def know_all(_survey: object, learnt: np.ndarray, asked: np.ndarray) -> np.ndarray:
        (held,) = set(sources[asked])
        assert held not in set(sources[learnt])
        asked_about.append(str(held))
        return seen.truth[asked].astype(float)

    assert source_held_out(seen, retrain=know_all).value == 1
    assert sorted(asked_about) == ["one", "two"]


def test_a_source_of_one_side_cannot_be_tested_on(tmp_path: Path) -> None:
    radiographs = [
        radiograph
        for radiograph in _radiographs(tmp_path, {"one": 36, "two": 36})
        if (radiograph.source == "one") == (radiograph.label == "covid-19")
    ]
    seen = scan_dataset(radiographs, PREP)
    assert sources_with_both(seen) == {}
    assert source_held_out(seen).status == "NOT_POSSIBLE"


def test_one_source_alone_leaves_nothing_to_learn_from(tmp_path: Path) -> None:
    assert source_held_out(scan_dataset(_radiographs(tmp_path, {"one": 36}), PREP)).status == "NOT_POSSIBLE"


@pytest.mark.parametrize("least", [9, 10])
def test_ten_radiographs_of_each_side_are_enough(tmp_path: Path, least: int) -> None:
    radiographs = _radiographs(tmp_path, {"one": 36, "two": 36})
    fewer = [
        radiograph
        for n, radiograph in enumerate(radiographs)
        if not (radiograph.source == "two" and n % (2 * EACH) >= EACH + least)
    ]
    assert ("two" in sources_with_both(scan_dataset(fewer, PREP))) == (least == 10)
