"""How far the source of a radiograph gives its label away: three figures of a table of counts (guide check A5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.datasets.patient_split import in_order
from ml.metrics.statistics import Floats


def label_by_source(labels: Sequence[str], sources: Sequence[str]) -> tuple[NDArray[np.int_], Floats]:
    """Place each radiograph in the table of labels (house's order) by sources: its cell, and the (r, c) counts."""
    rows, columns = in_order(labels), sorted(set(sources))
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
    """Return Cramer's V of (..., r, c) counts, sqrt(chi2 / (n (min(r, c) - 1))).

    Empty rows and columns do not count; where one row or one column is left nothing is associated: 0.
    """
    n = table.sum(axis=(-2, -1))
    rows, columns = table.sum(axis=-1), table.sum(axis=-2)
    products = rows[..., :, None] * columns[..., None, :]
    # chi2 / n = sum of counts^2 / (row total * column total), minus 1
    shares = np.divide(table**2, products, out=np.zeros_like(table), where=products > 0)
    phi_squared = np.where(n > 0, np.maximum(0, shares.sum(axis=(-2, -1)) - 1), 0)
    freedom = np.minimum((rows > 0).sum(axis=-1), (columns > 0).sum(axis=-1)) - 1
    found: Floats = np.sqrt(np.divide(phi_squared, freedom, out=np.zeros_like(n), where=freedom > 0))
    return np.minimum(found, 1)


def source_only_balanced_accuracy(table: Floats) -> float:
    """Return the balanced accuracy of naming, for each source, the label that most of its radiographs have."""
    named = table.argmax(axis=0)
    found = [table[row, named == row].sum() / table[row].sum() for row in range(len(table))]
    return float(np.mean(found))


def mixed_source_share(table: Floats, target: int) -> float:
    """Return the share of the target row's radiographs that come from sources which also hold other labels."""
    others = table.sum(axis=0) - table[target]
    return float(table[target, others > 0].sum() / table[target].sum())
