"""Images in memory and the sampling of batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.datasets.batches import AugmentedImages, Sampler, class_weights, load, sampling_weights
from ml.recipes import Balance
from ml.records import LabelledImage, Preprocessing
from tests.radiographs import radiograph_png


def _labelled(count: int, label: str, source: str = "") -> list[LabelledImage]:
    return [LabelledImage(Path("radiograph.png"), label, "patient", source)] * count


def test_undecodable_files_are_excluded_with_a_reason(tmp_path: Path) -> None:
    valid, truncated = tmp_path / "valid.png", tmp_path / "truncated.png"
    valid.write_bytes(radiograph_png())
    truncated.write_bytes(radiograph_png()[:500])
    paths = (valid, truncated, tmp_path / "missing.png")
    store = load(
        [LabelledImage(path, "normal", path.stem) for path in paths], Preprocessing(size=64), side=64
    )
    assert [radiograph.path for radiograph in store.radiographs] == [valid]
    assert [(each.radiograph.path.name, each.reason) for each in store.exclusions] == [
        ("truncated.png", "damaged"),
        ("missing.png", "unreadable"),
    ]


def test_classes_are_sampled_equally_and_sources_by_the_square_root_of_their_size() -> None:
    radiographs = [
        *_labelled(100, "normal", "large"),
        *_labelled(4, "normal", "small"),
        *_labelled(50, "covid-19", "small"),
    ]
    probabilities = sampling_weights(radiographs)
    assert probabilities[104:].sum() == pytest.approx(0.5)
    # 100 / sqrt(100) to 4 / sqrt(4): five to one instead of 25 to one
    assert probabilities[:100].sum() / probabilities[100:104].sum() == pytest.approx(5)


def test_a_rare_class_has_a_higher_weight_of_four_at_most() -> None:
    # n / (classes * n of the class): 100 / (2 * 80), 100 / (2 * 20)
    weights = class_weights([*_labelled(80, "normal"), *_labelled(20, "covid-19")])
    assert weights[[0, 99]].tolist() == pytest.approx([0.625, 2.5])
    assert class_weights([*_labelled(990, "normal"), *_labelled(10, "covid-19")])[-1] == 4


@pytest.mark.parametrize(("balance", "rare"), [("sampling", 0.5), ("weights", 0.1), ("none", 0.1)])
def test_a_rare_class_is_sampled_more_often_or_has_a_higher_weight_but_never_both(
    balance: Balance, rare: float, tmp_path: Path
) -> None:
    path = tmp_path / "radiograph.png"
    path.write_bytes(radiograph_png(size=(64, 64)))
    labels = ["covid-19", *["normal"] * 9]
    prep = Preprocessing(size=32)
    store = load([LabelledImage(path, label, "patient") for label in labels], prep, side=32)
    inputs = AugmentedImages(store, prep, 0.0)
    sampler = Sampler(store.radiographs, ("covid-19", "normal"), inputs, 2000, seed=1, balance=balance)
    _, targets, weights = sampler.draw(0)
    assert targets[:, 0].mean() == pytest.approx(rare, abs=0.03)
    assert (weights is None) is (balance != "weights")
    if weights is not None:  # 10 / (2 * 1) exceeds the limit of 4; 10 / (2 * 9)
        assert set(weights[targets[:, 0] == 1]) == {4.0}
        assert weights[targets[:, 0] == 0] == pytest.approx(10 / 18)
