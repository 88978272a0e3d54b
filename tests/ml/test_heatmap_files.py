"""Heatmap files: precision, atomic writing, refusal of pickles."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from ml.inference.heatmap_files import load_heatmaps, save_heatmaps
from ml.records import ClassMap, Frame

FRAME = Frame(2991, 2437, 277.0, 0.0, 2437.0, 2437.0)


def test_tiny_and_large_maps_are_stored_with_a_relative_error_below_a_thousandth(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    maps = {}
    for name, size in (("covid-19", 1e-6), ("pneumonia", 1.0), ("normal", 3e4)):
        grid = random.random((14, 14)).astype(np.float32) * np.float32(size)
        maps[name] = ClassMap(grid, float(grid.max()), no_positive_evidence=False)
    save_heatmaps(tmp_path / "maps.npz", maps, FRAME)
    loaded, frame = load_heatmaps(tmp_path / "maps.npz")
    assert frame == FRAME
    assert list(loaded) == list(maps)
    for name, m in maps.items():
        np.testing.assert_allclose(loaded[name].grid, m.grid, atol=1e-3 * m.raw_max)
        assert loaded[name].raw_max == m.raw_max
        assert not loaded[name].no_positive_evidence


def test_a_map_without_evidence_is_loaded_without_evidence(tmp_path: Path) -> None:
    empty = ClassMap(np.zeros((7, 9), np.float32), 0.0, no_positive_evidence=True)
    save_heatmaps(tmp_path / "maps.npz", {"normal": empty}, FRAME)
    loaded = load_heatmaps(tmp_path / "maps.npz")[0]["normal"]
    assert loaded.no_positive_evidence
    assert not loaded.grid.any()


def test_writing_leaves_no_temporary_file(tmp_path: Path) -> None:
    empty = ClassMap(np.zeros((7, 9), np.float32), 0.0, no_positive_evidence=True)
    save_heatmaps(tmp_path / "maps.npz", {"normal": empty}, FRAME)
    save_heatmaps(tmp_path / "maps.npz", {"normal": empty}, FRAME)
    assert [path.name for path in tmp_path.iterdir()] == ["maps.npz"]


def test_a_file_with_pickled_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "maps.npz", classes=np.array([{"a": 1}], dtype=object))
    with pytest.raises((ValueError, KeyError)):
        load_heatmaps(tmp_path / "maps.npz")


def test_grids_are_stored_in_half_precision(tmp_path: Path) -> None:
    grid = np.ones((14, 14), np.float32)
    save_heatmaps(tmp_path / "maps.npz", {"normal": ClassMap(grid, 1.0, False)}, FRAME)
    with zipfile.ZipFile(tmp_path / "maps.npz") as parts, parts.open("grids.npy") as stored:
        assert np.lib.format.read_array(stored).dtype == np.float16
