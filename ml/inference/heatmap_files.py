"""Heat maps on disk: one npz file for a prediction, float16, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np

from ml.records import ClassMap, Frame

FRAME: Final = ("radiograph_height", "radiograph_width", "top", "left", "height", "width")


def save_heatmaps(path: Path, maps: dict[str, ClassMap], frame: Frame) -> None:
    """Write the maps of one radiograph; a reader sees the old file or the new one, never half of it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with draft.open("wb") as file:
        np.savez_compressed(
            file,
            classes=np.array(list(maps), dtype=np.str_),
            # Shares of the maximum: raw maps are often so small that float16 would lose their digits.
            grids=np.stack([_share(m) for m in maps.values()]).astype(np.float16),
            raw_max=np.array([m.raw_max for m in maps.values()], np.float64),
            no_positive_evidence=np.array([m.no_positive_evidence for m in maps.values()], bool),
            frame=np.array([getattr(frame, name) for name in FRAME], np.float64),
        )
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def load_heatmaps(path: Path) -> tuple[dict[str, ClassMap], Frame]:
    """Read what `save_maps` wrote; grids return within 0.0005 of their maximum."""
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
        tall, wide, *place = stored["frame"].tolist()
    return maps, Frame(int(tall), int(wide), *place)


def _share(m: ClassMap) -> np.ndarray:
    return m.grid if m.no_positive_evidence else m.grid / np.float32(m.raw_max)
