"""Heat maps survive the disk."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from ml.inference.heatmap_files import load_heatmaps, save_heatmaps
from ml.records import ClassMap, Frame

FRAME = Frame(2991, 2437, 277.0, 0.0, 2437.0, 2437.0)


def test_maps_return_within_a_thousandth_even_where_they_are_tiny(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    maps = {}
    for name, size in (("covid-19", 1e-6), ("pneumonia", 1.0), ("normal", 3e4)):
        grid = random.random((14, 14)).astype(np.float32) * np.float32(size)
        maps[name] = ClassMap(grid, float(grid.max()), no_positive_evidence=False)
    save_heatmaps(tmp_path / "maps.npz", maps, FRAME)
    found, frame = load_heatmaps(tmp_path / "maps.npz")
    assert frame == FRAME
    assert list(found) == list(maps)
    for name, m in maps.items():
        np.testing.assert_allclose(found[name].grid, m.grid, atol=1e-3 * m.raw_max)
        assert found[name].raw_max == m.raw_max
        assert not found[name].no_positive_evidence


def test_an_empty_map_stays_empty(tmp_path: Path) -> None:
    nothing = ClassMap(np.zeros((7, 9), np.float32), 0.0, no_positive_evidence=True)
    save_heatmaps(tmp_path / "maps.npz", {"normal": nothing}, FRAME)
    found = load_heatmaps(tmp_path / "maps.npz")[0]["normal"]
    assert found.no_positive_evidence
    assert not found.grid.any()


def test_only_the_whole_file_lies_there(tmp_path: Path) -> None:
    nothing = ClassMap(np.zeros((7, 9), np.float32), 0.0, no_positive_evidence=True)
    save_heatmaps(tmp_path / "maps.npz", {"normal": nothing}, FRAME)
    save_heatmaps(tmp_path / "maps.npz", {"normal": nothing}, FRAME)
    assert [path.name for path in tmp_path.iterdir()] == ["maps.npz"]


def test_a_file_with_pickled_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "maps.npz", classes=np.array([{"a": 1}], dtype=object))
    with pytest.raises((ValueError, KeyError)):
        load_heatmaps(tmp_path / "maps.npz")


def test_grids_are_kept_in_half_precision(tmp_path: Path) -> None:
    grid = np.ones((14, 14), np.float32)
    save_heatmaps(tmp_path / "maps.npz", {"normal": ClassMap(grid, 1.0, False)}, FRAME)
    with zipfile.ZipFile(tmp_path / "maps.npz") as parts, parts.open("grids.npy") as stored:
        assert np.lib.format.read_array(stored).dtype == np.float16
