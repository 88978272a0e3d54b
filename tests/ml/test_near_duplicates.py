"""Near-duplicates: the same image is recognised in another file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ml.datasets.near_duplicates import find_near_duplicates
from ml.images.perceptual_hash import SAME_IMAGE, distances, perceptual_hash
from ml.records import LabelledImage
from tests.radiographs import radiograph_grey, radiograph_png


def _png(grey: NDArray[np.float64]) -> bytes:
    encoded = cv2.imencode(".png", (grey * 255).astype(np.uint8))[1]
    return encoded.tobytes()


def test_altered_versions_of_an_image_are_paired_and_undecodable_files_listed(tmp_path: Path) -> None:
    files = {
        "original.png": radiograph_png(1),
        "darker.png": _png(radiograph_grey(1) ** 1.3),
        "mirrored.png": _png(radiograph_grey(1)[:, ::-1]),
        "inverted.png": _png(1 - radiograph_grey(1)),
        "other.png": radiograph_png(2),
        "truncated.png": radiograph_png(3)[:300],
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    radiographs = [LabelledImage(tmp_path / name, "normal", name) for name in files]

    duplicates = find_near_duplicates(radiographs)

    pairs = {frozenset((first.name, second.name)) for first, second in duplicates.pairs}
    altered = ("darker.png", "mirrored.png", "inverted.png")
    assert {frozenset(("original.png", name)) for name in altered} <= pairs
    assert not any("other.png" in pair for pair in pairs)
    assert [(each.radiograph.path.name, each.reason) for each in duplicates.unreadable] == [
        ("truncated.png", "damaged")
    ]


@pytest.mark.parametrize("change", ["none", "darker", "inverted", "mirrored"])
def test_the_hash_of_an_altered_image_is_near_the_original(change: str) -> None:
    grey = radiograph_grey(3).astype(np.float32)
    altered = {"none": grey, "darker": grey**1.3, "inverted": 1 - grey, "mirrored": grey[:, ::-1]}
    bits = distances(perceptual_hash(grey)[None], perceptual_hash(altered[change])[None])
    assert bits[0, 0] <= SAME_IMAGE
