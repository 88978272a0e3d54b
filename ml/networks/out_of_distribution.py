"""Out-of-distribution detection: distance of a radiograph from the training data.

Two measures of the features, k nearest neighbours (Sun et al. 2022) and class-conditional Mahalanobis
distance with one shrunk covariance (Lee et al. 2018; Ledoit and Wolf 2004), and one of the logits, energy
(Liu et al. 2020). Features are the activations of the last layers, each averaged over its cells: the last
layer alone does not separate noise from radiographs. A radiograph is out of distribution when any of the
three exceeds its limit or is not a number (`OutOfDistribution.exceeded` in `ml/records.py`).
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from ml.records import Measurement, OutOfDistribution, OutOfDistributionLimits, ReferenceSource

NEIGHBOURS: Final = 10
PERCENTILE: Final = 99
MAX_RADIOGRAPHS: Final = 900  # of a reference: with 512 features its file is below 1.5 MB
MIN_RADIOGRAPHS: Final = 40  # of a reference and of the limits: fewer cause too many false positives
MAX_WIDTH: Final = 512  # features that are stored without a projection
MAX_DIRECTIONS: Final = 192  # principal directions of the projection of wider features
MAX_BASIS: Final = 300_000  # numbers in the basis of the projection

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """Features of training radiographs, to which the distances are measured."""

    points: NDArray[np.float32]  # (radiographs, d), of unit length
    means: NDArray[np.float32]  # (classes, d)
    precision: NDArray[np.float32]  # (d, d), inverse of the covariance around the class means
    basis: NDArray[np.float32] | None = None  # (features, d - 1), if features are projected

    @property
    def width(self) -> int:
        """Return the number of features of the network that this reference was fitted to."""
        return int(self.means.shape[1] if self.basis is None else self.basis.shape[0])


def fit(features: NDArray[Any], labels: NDArray[np.int_]) -> Reference:
    """Fit a reference to features (n, width) and class indices (n,), rounded to the precision of the file.

    Raises ValueError for fewer than `MIN_RADIOGRAPHS` radiographs.
    """
    if len(features) < MIN_RADIOGRAPHS:
        raise ValueError(f"A reference needs {MIN_RADIOGRAPHS} radiographs, not {len(features)}.")
    from sklearn.covariance import LedoitWolf  # slow to import, used by trainings only

    points, basis = unit(features), None
    if points.shape[1] > MAX_WIDTH:
        basis = _principal(points)
        points = _project(points, basis)
    present = np.unique(labels)
    means = np.stack([points[labels == label].mean(axis=0) for label in present])
    centred = points - means[np.searchsorted(present, labels)]
    precision = LedoitWolf(assume_centered=True).fit(centred).get_precision()
    return Reference(_half(points), means.astype(np.float32), precision.astype(np.float32), basis)


def knn(reference: Reference, features: NDArray[Any]) -> Floats:
    """Return the distance of features (n, width) to the tenth nearest reference radiograph, (n,), 0 to 2."""
    points, queries = reference.points.astype(np.float64), _query(reference, features)
    squared = (queries**2).sum(1)[:, None] - 2 * queries @ points.T + (points**2).sum(1)
    nearest: Floats = np.partition(squared, NEIGHBOURS - 1, axis=1)[:, NEIGHBOURS - 1]
    return np.sqrt(np.maximum(nearest, 0))


def mahalanobis(reference: Reference, features: NDArray[Any]) -> Floats:
    """Return the distance of features (n, width) to the nearest class mean, (n,), in standard deviations."""
    offsets = _query(reference, features)[:, None, :] - reference.means.astype(np.float64)
    squared = np.einsum(
        "ncd,de,nce->nc", offsets, reference.precision.astype(np.float64), offsets, optimize=True
    )
    nearest: Floats = np.sqrt(np.maximum(squared.min(axis=1), 0))
    return nearest


def energy(logits: NDArray[Any]) -> Floats:
    """Return -logsumexp of logits (n, classes) before any temperature, (n,); higher is less typical."""
    energies: Floats = -logsumexp(np.asarray(logits, np.float64), axis=1)
    return energies


def limits(
    reference: Reference, features: NDArray[Any], logits: NDArray[Any], *, source: ReferenceSource
) -> OutOfDistributionLimits:
    """Return the 99th percentile of each measure on radiographs that are not in the reference.

    Raises ValueError for fewer than `MIN_RADIOGRAPHS` radiographs.
    """
    if len(features) < MIN_RADIOGRAPHS:
        raise ValueError(f"Limits need {MIN_RADIOGRAPHS} radiographs, not {len(features)}.")

    def limit(values: Floats) -> float:
        return float(np.percentile(values, PERCENTILE, method="higher"))

    return OutOfDistributionLimits(
        knn=limit(knn(reference, features)),
        mahalanobis=limit(mahalanobis(reference, features)),
        energy=limit(energy(logits)),
        source=source,
        reference_radiographs=len(reference.points),
        calibration_radiographs=len(features),
    )


def measure(
    reference: Reference, limits: OutOfDistributionLimits, features: NDArray[Any], logits: NDArray[Any]
) -> OutOfDistribution:
    """Measure one radiograph, features (width,) and logits (classes,), and compare with the limits."""
    return OutOfDistribution(
        knn=Measurement(float(knn(reference, features[None])[0]), limits.knn),
        mahalanobis=Measurement(float(mahalanobis(reference, features[None])[0]), limits.mahalanobis),
        energy=Measurement(float(energy(logits[None])[0]), limits.energy),
    )


def save(path: Path, reference: Reference) -> None:
    """Write a reference as npz: points as float16, the upper triangle of the symmetric precision."""
    arrays: dict[str, NDArray[Any]] = {
        "points": reference.points.astype(np.float16),
        "means": reference.means,
        "precision": reference.precision[np.triu_indices(len(reference.precision))],
    }
    if reference.basis is not None:
        arrays["basis"] = reference.basis.astype(np.float16)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # the stub does not accept **kwargs


def load(path: Path) -> Reference:
    """Read a file of `save`; raises OSError, KeyError or ValueError for any other file."""
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError("it is not an npz file")
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name].astype(np.float32) for name in stored.files}
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ValueError("it is damaged") from error
    points, means, basis = arrays["points"], arrays["means"], arrays.get("basis")
    width = points.shape[1]
    precision = np.zeros((width, width), np.float32)
    precision[np.triu_indices(width)] = arrays["precision"]
    precision += np.triu(precision, 1).T
    if means.shape[1] != width or (basis is not None and basis.shape[1] != width - 1):
        raise ValueError("its arrays do not fit together")
    return Reference(points, means, precision, basis)


def unit(features: NDArray[Any]) -> Floats:
    """Return features (n, width) scaled to unit length; a row of zeros stays zero."""
    rows = np.asarray(features, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = rows / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled


def _query(reference: Reference, features: NDArray[Any]) -> Floats:
    rows = unit(features)
    return rows if reference.basis is None else _project(rows, reference.basis)


def _principal(points: Floats) -> NDArray[np.float32]:
    radiographs, width = points.shape
    # At most half as many directions as radiographs, so that these radiographs too have a residual.
    count = min(MAX_DIRECTIONS, radiographs // 2, MAX_BASIS // width)
    _, _, directions = np.linalg.svd(points, full_matrices=False)
    return _half(directions[:count].T)


def _project(rows: Floats, basis: NDArray[np.float32]) -> Floats:
    """Project unit vectors on the basis and append the residual length, which is large for outliers."""
    along: Floats = rows @ basis.astype(np.float64)
    residual = np.sqrt(np.maximum((rows**2).sum(axis=1) - (along**2).sum(axis=1), 0))
    return np.column_stack([along, residual])


def _half(values: NDArray[Any]) -> NDArray[np.float32]:
    return values.astype(np.float16).astype(np.float32)
