"""How alike two pictures are: the structural similarity index (Wang, Bovik, Sheikh and Simoncelli 2004)."""

from __future__ import annotations

from typing import Final

from scipy.ndimage import gaussian_filter

from ml.records import Grey

SIGMA: Final = 1.5  # pixels, of the window
REACH: Final = 3.5  # of sigma: an 11 x 11 window
C1, C2 = 0.01**2, 0.03**2  # for pictures of range 1


def structural_similarity(one: Grey, other: Grey) -> float:
    """Return the mean index of two pictures (height, width) of values 0 to 1; 1 for the same picture."""
    x, y = one.astype(float), other.astype(float)
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    both = _blur(x * y) - mean_x * mean_y
    index = ((2 * mean_x * mean_y + C1) * (2 * both + C2)) / (
        (mean_x**2 + mean_y**2 + C1) * (var_x + var_y + C2)
    )
    return float(index.mean())


def _blur(picture: Grey) -> Grey:
    blurred: Grey = gaussian_filter(picture, SIGMA, truncate=REACH)
    return blurred
