"""Cramér's V, source-only balanced accuracy and mixed-source share against hand and published values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats.contingency import association

from ml.trust.association import (
    cramers_v,
    label_by_source,
    mixed_source_share,
    source_only_balanced_accuracy,
)

# Rows: covid-19, normal, opacity, viral; columns: PadChest, Germany, SIRM and others, GitHub, RSNA, Kaggle.
# Counts of the COVID-19 Radiography Database as its README and guide section 2 give them.
RADIOGRAPHY = np.array(
    [[2473, 183, 559, 400, 0, 0], [0, 0, 0, 0, 8851, 1341], [0, 0, 0, 0, 6012, 0], [0, 0, 0, 0, 0, 1345]],
    float,
)
DARKCOVIDNET = np.array([[124, 0], [0, 500], [0, 500]], float)  # covid-19, normal, pneumonia; Cohen, NIH


def test_cramers_v_of_a_four_fold_table_is_phi() -> None:
    # phi = (ad - bc) / sqrt(product of the four margins) = (10 * 40 - 20 * 30) / sqrt(30 * 70 * 40 * 60)
    assert cramers_v(np.array([[10, 20], [30, 40]], float)) == pytest.approx(200 / np.sqrt(30 * 70 * 40 * 60))


def test_cramers_v_is_that_of_scipy() -> None:
    table = np.random.default_rng(3).integers(1, 40, (4, 3))
    assert cramers_v(table.astype(float)) == pytest.approx(association(table, method="cramer"))


def test_independent_labels_have_no_association() -> None:
    assert cramers_v(np.outer([2.0, 3.0], [5.0, 7.0])) == pytest.approx(0, abs=1e-7)


def test_one_source_is_associated_with_nothing() -> None:
    assert cramers_v(np.array([[50.0], [80.0]])) == 0
    assert cramers_v(np.array([[50.0, 0], [80.0, 0]])) == 0  # as a resample may leave it


def test_a_source_without_radiographs_does_not_count() -> None:
    table = np.array([[8, 1], [3, 9], [2, 2]], float)
    with_nobody = np.insert(table, 1, 0, axis=1)
    assert cramers_v(with_nobody) == pytest.approx(association(table.astype(int), method="cramer"))


def test_the_radiography_database_has_the_published_figures() -> None:
    assert cramers_v(RADIOGRAPHY) == pytest.approx(0.70, abs=0.005)
    assert source_only_balanced_accuracy(RADIOGRAPHY) == pytest.approx(0.717, abs=5e-4)
    assert mixed_source_share(RADIOGRAPHY, 0) == 0


def test_darkcovidnet_is_wholly_confounded() -> None:
    assert cramers_v(DARKCOVIDNET) == pytest.approx(1)
    assert mixed_source_share(DARKCOVIDNET, 0) == 0
    assert source_only_balanced_accuracy(DARKCOVIDNET) == pytest.approx(2 / 3)


def test_only_radiographs_from_sources_with_both_are_mixed() -> None:
    table = np.array([[30, 10, 60], [0, 40, 5]], float)
    assert mixed_source_share(table, 0) == pytest.approx(0.7)
    assert mixed_source_share(table, 1) == pytest.approx(1)


def test_naming_the_usual_label_of_each_source_by_hand() -> None:
    # sources: first names row 0, second and third row 1; recalls 30 / 45 and 40 / 40
    table = np.array([[30, 10, 5], [0, 20, 20]], float)
    assert source_only_balanced_accuracy(table) == pytest.approx((30 / 45 + 1) / 2)


def test_tables_are_weighed_one_by_one() -> None:
    both = np.stack([RADIOGRAPHY, 2 * RADIOGRAPHY])
    assert cramers_v(both) == pytest.approx(np.full(2, cramers_v(RADIOGRAPHY)))


def test_radiographs_are_counted_by_label_and_source() -> None:
    cells, table = label_by_source(["normal", "covid-19", "normal"], ["b", "a", "a"])
    assert table.tolist() == [[1, 0], [1, 1]]  # covid-19 comes first in the house's order
    assert cells.tolist() == [3, 0, 2]
