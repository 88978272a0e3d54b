"""Small radiographs whose class a network can see: a different side of each is bright."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ml.datasets.patient_split import Split
from ml.records import LabelledImage
from tests.radiographs import radiograph_grey

CLASSES = ("covid-19", "pneumonia", "normal")


def bright_sides(folder: Path) -> Split:
    """Write twelve radiographs to learn from and six to check on."""
    return Split(
        bright_radiographs(folder, CLASSES, range(12)), bright_radiographs(folder, CLASSES, range(12, 18)), ()
    )


def bright_radiographs(folder: Path, classes: tuple[str, ...], numbers: range) -> tuple[LabelledImage, ...]:
    """Write radiographs of 64 pixels a side, the classes in turn; one that has no bright side is `other`."""
    radiographs = []
    for number in numbers:
        label = classes[number % len(classes)]
        grey = radiograph_grey(number, (64, 64)) * 0.5
        edges = {"covid-19": grey[:, :20], "pneumonia": grey[:, -20:], "normal": grey[:20]}
        if label in edges:
            edges[label] += 0.4
        path = folder / f"radiograph-{number}.png"
        cv2.imwrite(str(path), (grey * 255).astype(np.uint8))
        radiographs.append(LabelledImage(path, label, f"patient-{number}"))
    return tuple(radiographs)
