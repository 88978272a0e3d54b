"""Association between label and source: three measures of a contingency table (check A5, docs/trust.md)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.datasets.class_order import sort_classes
from ml.metrics.statistics import Floats


def label_by_source(labels: Sequence[str], sources: Sequence[str]) -> tuple[NDArray[np.int_], Floats]:
    """Return the flat cell index of each radiograph and the (labels, sources) table of counts."""
    rows, columns = sort_classes(labels), sorted(set(sources))
    cells = np.array(
        [
            rows.index(label) * len(columns) + columns.index(source)
            for label, source in zip(labels, sources, strict=True)
        ],
        dtype=np.int_,
    )
    counts = np.bincount(cells, minlength=len(rows) * len(columns)).astype(np.float64)
    return cells, counts.reshape(len(rows), len(columns))


def cramers_v(table: Floats) -> Floats:
    """Return Cramér's V of (..., r, c) counts, sqrt(chi2 / (n (min(r, c) - 1))).

    Empty rows and columns are ignored; with only one row or column left the association is 0.
    """
    n = table.sum(axis=(-2, -1))
    rows, columns = table.sum(axis=-1), table.sum(axis=-2)
    products = rows[..., :, None] * columns[..., None, :]
    # chi2 / n = sum of counts^2 / (row total * column total), minus 1
    shares = np.divide(table**2, products, out=np.zeros_like(table), where=products > 0)
    phi_squared = np.where(n > 0, np.maximum(0, shares.sum(axis=(-2, -1)) - 1), 0)
    freedom = np.minimum((rows > 0).sum(axis=-1), (columns > 0).sum(axis=-1)) - 1
    v: Floats = np.sqrt(np.divide(phi_squared, freedom, out=np.zeros_like(n), where=freedom > 0))
    return np.minimum(v, 1)


def source_only_balanced_accuracy(table: Floats) -> float:
    """Return the balanced accuracy of predicting the most frequent label of each source."""
    predicted = table.argmax(axis=0)
    recalls = [table[row, predicted == row].sum() / table[row].sum() for row in range(len(table))]
    return float(np.mean(recalls))


def mixed_source_share(table: Floats, target: int) -> float:
    """Return the share of the target row's radiographs from sources that also hold other labels."""
    others = table.sum(axis=0) - table[target]
    return float(table[target, others > 0].sum() / table[target].sum())
