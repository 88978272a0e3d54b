"""Evaluations with given errors, made without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ml.metrics.evaluation_result import Evaluation, from_logits
from ml.records import Architecture, LabelledImage, Manifest, Preprocessing

CLASSES = ("covid-19", "pneumonia", "normal")
MANIFEST = Manifest(
    version="v1",
    architecture=Architecture(),
    preprocessing=Preprocessing(),
    operating_points=dict.fromkeys(CLASSES, 0.4),
    heatmap_reference=dict.fromkeys(CLASSES, 1.0),
)


def labelled_images(labels: Sequence[str], per_patient: int = 1) -> list[LabelledImage]:
    """Return images with the given labels, so many for each patient; their files do not exist."""
    return [
        LabelledImage(Path(f"no-such-radiograph-{number}.png"), label, f"patient-{number // per_patient}")
        for number, label in enumerate(labels)
    ]


def evaluation_with_errors(
    *, labels: Sequence[str], wrong: Sequence[int] = (), version: str = "v1"
) -> Evaluation:
    """Return confident correct predictions, except the next class for the indices in `wrong`."""
    predicted = [(CLASSES.index(label) + (number in wrong)) % 3 for number, label in enumerate(labels)]
    logits = np.eye(3)[predicted] * 4
    return from_logits(replace(MANIFEST, version=version), labelled_images(labels), logits)
