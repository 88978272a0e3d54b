"""The quality gate: whether a radiograph may be scored, and the code of the reason why not."""

from __future__ import annotations

from typing import Final

from ml.images import quality
from ml.images.quality_detector import detected_code
from ml.records import Grey, QualityCode

MIN_SCORED_SIDE: Final = 128  # pixels; about half of the input of the default network
ADULT: Final = 16  # years


def stop_code(
    grey: Grey, *, colour: float = 0.0, view: str = "", age: int | None = None
) -> QualityCode | None:
    """Return why an image (height, width), 0 black to 1 white, is not scored; None where it is.

    `colour` is the mean |red - blue| of the file, 0 to 255; `view` and `age` (years) come from its header.
    """
    if min(grey.shape) < MIN_SCORED_SIDE:
        return "too-small"
    if colour > quality.MAX_COLOUR:
        return "not-a-radiograph"
    if view == "LATERAL":
        return "lateral-view"
    if age is not None and age < ADULT:
        return "paediatric"
    return detected_code(grey)
