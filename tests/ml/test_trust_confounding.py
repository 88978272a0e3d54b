"""Cramér's V, source-only balanced accuracy and mixed-source share equal values by hand or publication."""

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
# Counts of the COVID-19 Radiography Database from its README.
RADIOGRAPHY = np.array(
    [[2473, 183, 559, 400, 0, 0], [0, 0, 0, 0, 8851, 1341], [0, 0, 0, 0, 6012, 0], [0, 0, 0, 0, 0, 1345]],
    float,
)
DARKCOVIDNET = np.array([[124, 0], [0, 500], [0, 500]], float)  # covid-19, normal, pneumonia; Cohen, NIH


def test_cramers_v_of_a_four_fold_table_is_phi() -> None:
    # phi = (ad - bc) / sqrt(product of the four margins) = (10 * 40 - 20 * 30) / sqrt(30 * 70 * 40 * 60)
    assert cramers_v(np.array([[10, 20], [30, 40]], float)) == pytest.approx(200 / np.sqrt(30 * 70 * 40 * 60))


def test_cramers_v_equals_that_of_scipy() -> None:
    table = np.random.default_rng(3).integers(1, 40, (4, 3))
    assert cramers_v(table.astype(float)) == pytest.approx(association(table, method="cramer"))


def test_independent_labels_have_no_association() -> None:
    assert cramers_v(np.outer([2.0, 3.0], [5.0, 7.0])) == pytest.approx(0, abs=1e-7)


def test_a_single_source_has_no_association() -> None:
    assert cramers_v(np.array([[50.0], [80.0]])) == 0
    assert cramers_v(np.array([[50.0, 0], [80.0, 0]])) == 0  # as in a resample


def test_a_source_without_radiographs_is_ignored() -> None:
    table = np.array([[8, 1], [3, 9], [2, 2]], float)
    with_empty_source = np.insert(table, 1, 0, axis=1)
    assert cramers_v(with_empty_source) == pytest.approx(association(table.astype(int), method="cramer"))


def test_the_radiography_database_has_the_published_values() -> None:
    assert cramers_v(RADIOGRAPHY) == pytest.approx(0.70, abs=0.005)
    assert source_only_balanced_accuracy(RADIOGRAPHY) == pytest.approx(0.717, abs=5e-4)
    assert mixed_source_share(RADIOGRAPHY, 0) == 0


def test_darkcovidnet_is_completely_confounded() -> None:
    assert cramers_v(DARKCOVIDNET) == pytest.approx(1)
    assert mixed_source_share(DARKCOVIDNET, 0) == 0
    assert source_only_balanced_accuracy(DARKCOVIDNET) == pytest.approx(2 / 3)


def test_only_radiographs_of_sources_with_other_labels_count_as_mixed() -> None:
    table = np.array([[30, 10, 60], [0, 40, 5]], float)
    assert mixed_source_share(table, 0) == pytest.approx(0.7)
    assert mixed_source_share(table, 1) == pytest.approx(1)


def test_balanced_accuracy_of_the_most_frequent_label_equals_the_value_by_hand() -> None:
    # The first source predicts row 0, the second and third row 1; the recalls are 30 / 45 and 40 / 40.
    table = np.array([[30, 10, 5], [0, 20, 20]], float)
    assert source_only_balanced_accuracy(table) == pytest.approx((30 / 45 + 1) / 2)


def test_stacked_tables_are_computed_separately() -> None:
    both = np.stack([RADIOGRAPHY, 2 * RADIOGRAPHY])
    assert cramers_v(both) == pytest.approx(np.full(2, cramers_v(RADIOGRAPHY)))


def test_radiographs_are_counted_by_label_and_source() -> None:
    cells, table = label_by_source(["normal", "covid-19", "normal"], ["b", "a", "a"])
    assert table.tolist() == [[1, 0], [1, 1]]  # covid-19 is the first class
    assert cells.tolist() == [3, 0, 2]
