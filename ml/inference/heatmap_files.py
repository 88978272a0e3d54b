"""Heatmap files: one npz file for each prediction, float16, written atomically."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np

from ml.records import ClassMap, Frame

FRAME_FIELDS: Final = ("radiograph_height", "radiograph_width", "top", "left", "height", "width")


def save_heatmaps(path: Path, maps: dict[str, ClassMap], frame: Frame) -> None:
    """Write the class maps of one radiograph atomically; raises OSError."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with draft.open("wb") as file:
        file.write(packed_heatmaps(maps, frame))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def packed_heatmaps(maps: dict[str, ClassMap], frame: Frame) -> bytes:
    """Return the class maps of one radiograph as the content of an npz file."""
    file = BytesIO()
    np.savez_compressed(
        file,
        classes=np.array(list(maps), dtype=np.str_),
        # As shares of the maximum: raw values are often too small for the precision of float16.
        grids=np.stack([_normalised(m) for m in maps.values()]).astype(np.float16),
        raw_max=np.array([m.raw_max for m in maps.values()], np.float64),
        no_positive_evidence=np.array([m.no_positive_evidence for m in maps.values()], bool),
        frame=np.array([getattr(frame, name) for name in FRAME_FIELDS], np.float64),
    )
    return file.getvalue()


def load_heatmaps(path: Path | BytesIO) -> tuple[dict[str, ClassMap], Frame]:
    """Read a file of `save_heatmaps`, accurate to 0.0005 of the maximum; raises OSError or ValueError."""
    with np.load(path, allow_pickle=False) as stored:
        grids = stored["grids"].astype(np.float32) * stored["raw_max"].astype(np.float32)[:, None, None]
        rows = zip(
            stored["classes"].tolist(),
            grids,
            stored["raw_max"].tolist(),
            stored["no_positive_evidence"].tolist(),
            strict=True,
        )
        maps = {name: ClassMap(grid, largest, flag) for name, grid, largest, flag in rows}
        height, width, *position = stored["frame"].tolist()
    return maps, Frame(int(height), int(width), *position)


def _normalised(m: ClassMap) -> np.ndarray:
    return m.grid if m.no_positive_evidence else m.grid / np.float32(m.raw_max)
