"""How far a radiograph lies from those a network learnt from: two measures of its features, one of its logits.

k nearest neighbours (Sun et al. 2022), class-conditional Mahalanobis distance with one shrunk covariance (Lee
et al. 2018; Ledoit and Wolf 2004) and energy (Liu et al. 2020); trust.md, section 4 F. Features are the last
layers, each averaged over its cells: the very last one alone takes noise for a radiograph.
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

from ml.records import Measured, OutOfDistribution, OutOfDistributionLimits, ReferenceSource

NEIGHBOURS: Final = 10
PERCENTILE: Final = 99
MOST_RADIOGRAPHS: Final = 900  # in a reference: with 512 features it stays below 1.5 MB
FEWEST_RADIOGRAPHS: Final = (
    40  # in a reference, and to set the limits: fewer would raise too many false alarms
)
WIDEST: Final = 512  # features that are kept as they are
NARROWED: Final = 192  # principal directions of wider ones, at most
LARGEST_BASIS: Final = 300_000  # numbers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """What out_of_distribution is measured against."""

    points: NDArray[np.float32]  # (radiographs, d), of unit length
    means: NDArray[np.float32]  # (classes, d)
    precision: NDArray[np.float32]  # (d, d), inverse of the covariance around the class means
    basis: NDArray[np.float32] | None = None  # (features, d - 1), where features are narrowed

    @property
    def width(self) -> int:
        """Count the features of a network that this reference fits."""
        return int(self.means.shape[1] if self.basis is None else self.basis.shape[0])


def fit(features: NDArray[Any], labels: NDArray[np.int_]) -> Reference:
    """Make a reference of features (n, width) and class indices (n,), rounded as it will be stored.

    Raises ValueError for fewer than `FEWEST_RADIOGRAPHS` radiographs.
    """
    if len(features) < FEWEST_RADIOGRAPHS:
        raise ValueError(f"A reference needs {FEWEST_RADIOGRAPHS} radiographs, these are {len(features)}.")
    from sklearn.covariance import LedoitWolf  # slow to import, and only a training needs it

    points, basis = unit(features), None
    if points.shape[1] > WIDEST:
        basis = _principal(points)
        points = _narrowed(points, basis)
    present = np.unique(labels)
    means = np.stack([points[labels == label].mean(axis=0) for label in present])
    centred = points - means[np.searchsorted(present, labels)]
    precision = LedoitWolf(assume_centered=True).fit(centred).get_precision()
    return Reference(_half(points), means.astype(np.float32), precision.astype(np.float32), basis)


def knn(reference: Reference, features: NDArray[Any]) -> Floats:
    """Return the distance of each radiograph, features (n, width), to its tenth nearest reference radiograph, 0 to 2."""
    points, asked = reference.points.astype(np.float64), _asked(reference, features)
    squared = (asked**2).sum(1)[:, None] - 2 * asked @ points.T + (points**2).sum(1)
    nearest: Floats = np.partition(squared, NEIGHBOURS - 1, axis=1)[:, NEIGHBOURS - 1]
    return np.sqrt(np.maximum(nearest, 0))


def mahalanobis(reference: Reference, features: NDArray[Any]) -> Floats:
    """Return the distance of each radiograph, features (n, width), to the nearest class, in standard deviations."""
    away = _asked(reference, features)[:, None, :] - reference.means.astype(np.float64)
    squared = np.einsum("ncd,de,nce->nc", away, reference.precision.astype(np.float64), away, optimize=True)
    nearest: Floats = np.sqrt(np.maximum(squared.min(axis=1), 0))
    return nearest


def energy(logits: NDArray[Any]) -> Floats:
    """Return -logsumexp of logits (n, classes) before any temperature; higher is less like the known."""
    found: Floats = -logsumexp(np.asarray(logits, np.float64), axis=1)
    return found


def limits(
    reference: Reference, features: NDArray[Any], logits: NDArray[Any], *, source: ReferenceSource
) -> OutOfDistributionLimits:
    """Set the limits on radiographs that the reference does not hold: the 99th percentile of each measure.

    Raises ValueError for fewer than `FEWEST_RADIOGRAPHS` radiographs.
    """
    if len(features) < FEWEST_RADIOGRAPHS:
        raise ValueError(f"Limits need {FEWEST_RADIOGRAPHS} radiographs, these are {len(features)}.")

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
    """Measure one radiograph, features (width,) and logits (classes,), beside the limits of its version."""
    return OutOfDistribution(
        knn=Measured(float(knn(reference, features[None])[0]), limits.knn),
        mahalanobis=Measured(float(mahalanobis(reference, features[None])[0]), limits.mahalanobis),
        energy=Measured(float(energy(logits[None])[0]), limits.energy),
    )


def save(path: Path, reference: Reference) -> None:
    """Write a reference as npz: points as float16, one half of the symmetric precision."""
    arrays: dict[str, NDArray[Any]] = {
        "points": reference.points.astype(np.float16),
        "means": reference.means,
        "precision": reference.precision[np.triu_indices(len(reference.precision))],
    }
    if reference.basis is not None:
        arrays["basis"] = reference.basis.astype(np.float16)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # its stub takes them for an option


def load(path: Path) -> Reference:
    """Read what `save` wrote; raises OSError, KeyError or ValueError for anything else."""
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError("it is no npz file")
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name].astype(np.float32) for name in stored.files}
        except (zipfile.BadZipFile, zlib.error, EOFError) as trouble:
            raise ValueError("it is damaged") from trouble
    points, means, basis = arrays["points"], arrays["means"], arrays.get("basis")
    width = points.shape[1]
    precision = np.zeros((width, width), np.float32)
    precision[np.triu_indices(width)] = arrays["precision"]
    precision += np.triu(precision, 1).T
    if means.shape[1] != width or (basis is not None and basis.shape[1] != width - 1):
        raise ValueError("its arrays do not fit together")
    return Reference(points, means, precision, basis)


def unit(features: NDArray[Any]) -> Floats:
    """Bring features (n, width) to unit length; a row of zeros stays."""
    rows = np.asarray(features, np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    shortened: Floats = rows / np.maximum(lengths, np.finfo(np.float32).tiny)
    return shortened


def _asked(reference: Reference, features: NDArray[Any]) -> Floats:
    rows = unit(features)
    return rows if reference.basis is None else _narrowed(rows, reference.basis)


def _principal(points: Floats) -> NDArray[np.float32]:
    radiographs, width = points.shape
    # Half as many directions as radiographs at most: for these radiographs too, something must be left over.
    count = min(NARROWED, radiographs // 2, LARGEST_BASIS // width)
    _, _, directions = np.linalg.svd(points, full_matrices=False)
    return _half(directions[:count].T)


def _narrowed(rows: Floats, basis: NDArray[np.float32]) -> Floats:
    """Project unit vectors on the basis and add the length of what is left over: large if strange."""
    along: Floats = rows @ basis.astype(np.float64)
    left = np.sqrt(np.maximum((rows**2).sum(axis=1) - (along**2).sum(axis=1), 0))
    return np.column_stack([along, left])


def _half(values: NDArray[Any]) -> NDArray[np.float32]:
    return values.astype(np.float16).astype(np.float32)
