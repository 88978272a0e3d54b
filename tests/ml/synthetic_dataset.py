"""Small images whose class a network can learn: another side of each class is bright."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ml.datasets.patient_split import Split
from ml.records import LabelledImage
from tests.radiographs import radiograph_grey

CLASSES = ("covid-19", "pneumonia", "normal")


def synthetic_split(folder: Path) -> Split:
    """Write twelve training and six validation images of three classes."""
    return Split(
        synthetic_images(folder, CLASSES, range(12)), synthetic_images(folder, CLASSES, range(12, 18)), ()
    )


def synthetic_images(folder: Path, classes: tuple[str, ...], numbers: range) -> tuple[LabelledImage, ...]:
    """Write images of 64 x 64 pixels with alternating classes; `other` has no bright side."""
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
