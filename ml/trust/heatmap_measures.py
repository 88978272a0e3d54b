"""Measures of heatmaps: energy in the lungs, pointing game, rank correlation, deletion curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import softmax
from scipy.stats import spearmanr

from ml.images.preprocessing import resize
from ml.metrics.statistics import Floats
from ml.records import Grey
from ml.trust.batch_predictor import Maps
from ml.trust.evaluation_set import EvaluationSet, LungRegions

DILATION: Final = 0.02  # of the side
STEPS: Final = 20
FILL_BLUR: Final = 0.10  # of the side


def energy_in_lungs(maps: Maps, lungs: LungRegions) -> tuple[Floats, Floats]:
    """Return the share of each map's energy in the lungs, and its ratio to the lungs' share of the image."""
    energy: Floats = (maps * lungs).sum(axis=(1, 2)) / maps.sum(axis=(1, 2))
    return energy, energy / lungs.mean(axis=(1, 2))


def pointing_game(maps: Maps, lungs: LungRegions) -> np.ndarray:
    """Return whether each map's maximum lies in the lungs, dilated by 2 % of the side (Zhang et al. 2018)."""
    reach = 2 * max(1, round(DILATION * maps.shape[1])) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    dilated = [cv2.dilate(lung.astype(np.uint8), kernel) for lung in lungs]
    return np.array([bool(lung.ravel()[grid.argmax()]) for lung, grid in zip(dilated, maps, strict=True)])


def rank_correlation(one: Grey, other: Grey) -> float:
    """Return Spearman's correlation of two maps, -1 to 1; 0 where one of them is constant."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one.ravel(), other.ravel()).statistic)


def curve_areas(
    test_set: EvaluationSet, square: Grey, orders: Sequence[Grey], *, insert: bool = False
) -> list[float]:
    """Return the area under the deletion or insertion curve of each order (Petsiuk, Das and Saenko 2018).

    It is the mean probability of the target while pixels are blurred, or restored, by descending `order`. All
    curves share their first and last image. The network runs in the machine's fastest precision.
    """
    blurred = gaussian_filter(square, FILL_BLUR * square.shape[0])
    before, after = (blurred, square) if insert else (square, blurred)
    between = [np.where(changed, after, before) for order in orders for changed in _changed_pixels(order)]
    logits = test_set.predictor.quick.logits(np.stack([before, after, *between]))
    probabilities = softmax(logits / test_set.predictor.manifest.temperature, axis=1)
    first, last, *inner = probabilities[:, test_set.target_index]
    curves = [[first, *curve, last] for curve in np.reshape(inner, (len(orders), STEPS - 1))]
    return [float(np.trapezoid(curve, dx=1 / STEPS)) for curve in curves]


def _changed_pixels(order: Grey) -> NDArray[np.bool_]:
    """Return which pixels have changed after each step but the first and last, (steps - 1, side, side)."""
    ranks = np.empty(order.size, dtype=np.int_)
    ranks[np.argsort(-order.ravel(), kind="stable")] = np.arange(order.size)
    shares = np.linspace(0, 1, STEPS + 1)[1:-1]
    changed: NDArray[np.bool_] = ranks.reshape(order.shape)[None] < (shares * order.size)[:, None, None]
    return changed


def resized(grid: Grey, side: int) -> Grey:
    """Return a map resized to (side, side)."""
    return resize(grid, (side, side))


def upsampled(maps: Maps, side: int) -> Maps:
    """Return rectified maps resized to (side, side)."""
    return np.stack([resized(np.maximum(grid, 0), side) for grid in maps])


def normalised(maps: Maps, side: int) -> Maps:
    """Return rectified, resized maps scaled to a maximum of 1, as they are displayed."""
    large = upsampled(maps, side)
    maximum = large.max(axis=(1, 2), keepdims=True)
    return np.divide(large, maximum, out=np.zeros_like(large), where=maximum > 0)
