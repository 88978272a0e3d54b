"""Structural similarity index of two images (Wang, Bovik, Sheikh and Simoncelli 2004)."""

from __future__ import annotations

from typing import Final

from scipy.ndimage import gaussian_filter

from ml.records import Grey

SIGMA: Final = 1.5  # pixels, of the window
TRUNCATE: Final = 3.5  # of sigma: an 11 x 11 window
C1, C2 = 0.01**2, 0.03**2  # for images of range 1


def structural_similarity(one: Grey, other: Grey) -> float:
    """Return the mean index of two images (height, width) of values 0 to 1; 1 for identical images."""
    x, y = one.astype(float), other.astype(float)
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    index = ((2 * mean_x * mean_y + C1) * (2 * covariance + C2)) / (
        (mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2)
    )
    return float(index.mean())


def _blur(image: Grey) -> Grey:
    blurred: Grey = gaussian_filter(image, SIGMA, truncate=TRUNCATE)
    return blurred
