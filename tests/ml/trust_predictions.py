"""Predictions with known probabilities, for tests of the checks C, D, E and H."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ml.records import LabelledImage
from ml.trust.predictions import Predictions


def predictions(
    probabilities: Sequence[float],
    truth: Sequence[int],
    *,
    operating_point: float = 0.5,
    views: Sequence[str] = (),
    sources: Sequence[str] = (),
) -> Predictions:
    """Return predictions of two classes from each radiograph's target probability and ground truth."""
    p = np.clip(np.array(probabilities, dtype=np.float64), 1e-12, 1 - 1e-12)
    radiographs = tuple(
        LabelledImage(Path(f"{n}.png"), "covid-19" if positive else "normal", f"patient-{n}", source, view)
        for n, (positive, view, source) in enumerate(
            zip(truth, views or [""] * len(truth), sources or [""] * len(truth), strict=True)
        )
    )
    logits = np.log(np.stack([p, 1 - p], axis=1))
    return Predictions(
        "v1", ("covid-19", "normal"), radiographs, logits, operating_points={"covid-19": operating_point}
    )
