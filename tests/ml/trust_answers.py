"""Answers made by hand: probabilities in, logits out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ml.records import LabelledImage
from ml.trust.predictions import Predictions


def answers(
    chances: Sequence[float], truth: Sequence[int], *, point: float = 0.5, groups: Sequence[str] = ()
) -> Predictions:
    """Make a table of two classes from the target's probability of each radiograph and whether it shows it."""
    p = np.clip(np.array(chances, dtype=np.float64), 1e-12, 1 - 1e-12)
    radiographs = tuple(
        LabelledImage(Path(f"{n}.png"), "covid-19" if shown else "normal", f"patient-{n}", "", view)
        for n, (shown, view) in enumerate(zip(truth, groups or [""] * len(truth), strict=True))
    )
    logits = np.log(np.stack([p, 1 - p], axis=1))
    return Predictions(
        "v1", ("covid-19", "normal"), radiographs, logits, operating_points={"covid-19": point}
    )
