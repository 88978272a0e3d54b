"""Pictures of every kind that the quality detector is fitted to and measured on, each with its patient."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks import quality_drawings
from benchmarks.marked_chests import drawing_png
from ml.records import Grey
from tests.radiographs import individual_radiograph_png, radiograph_grey

COHEN: Final = "covid-chestxray-dataset"
FRONTAL_VIEWS: Final = frozenset({"PA", "AP", "AP Supine"})
NORMALS: Final = 1500  # of the Radiography set, whose patients are unknown: one patient a file
CHILD: Final = 16  # years
PHOTOGRAPHS: Final = (".png", ".jpg")
DOCUMENTATION: Final = Path(__file__).parents[1] / "docs" / "pictures"
MEASURED_ONLY: Final = "measured only: "
CORNERS: Final = ((0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5))
MIN_SIDE: Final = 64  # pixels


@dataclass(frozen=True)
class Picture:
    """One picture, its kind, and the patient or original that it must share a half with."""

    kind: str  # a row of the report
    group: str
    grey: Grey


def pictures(data: Path) -> Iterator[Picture]:
    """Yield the radiographs of the data folder, then photographs and drawings."""
    yield from _cohen(data / COHEN)
    yield from _folder(data / "darkcovidnet" / "No_findings", "frontal, NIH", separator="_")
    yield from _folder(data / "darkcovidnet" / "Pneumonia", "frontal, NIH", separator="_")
    normal = data / "COVID-19_Radiography_Dataset" / "Normal" / "images"
    yield from _folder(normal, "frontal, Radiography", limit=NORMALS)
    yield from _folder(data / "chest_xray" / "train" / "NORMAL", "frontal, children")
    yield from _folder(data / "chest_xray" / "train" / "PNEUMONIA", "frontal, children", separator="_")
    yield from photographs()
    yield from screenshots()
    yield from drawn_chests()
    for kind, group, grey in quality_drawings.drawings():
        yield Picture(kind, group, grey)


def half_of(group: str) -> int:
    """Return 0 (fitted) or 1 (measured) for a patient or an original."""
    if group.startswith(MEASURED_ONLY):
        return 1
    return hashlib.sha256(group.encode()).digest()[0] % 2


def photographs() -> Iterator[Picture]:
    """Yield the sample pictures that scikit-learn, Matplotlib and scikit-image ship, whole and in parts."""
    for path in _photograph_files():
        grey = _read(path)
        if grey is None or path.stem == "logo":
            continue
        yield Picture("photograph", path.name, grey)
        height, width = grey.shape
        for top, left in CORNERS:
            y, x = int(top * height * 0.4), int(left * width * 0.4)
            part = grey[y : y + int(0.6 * height), x : x + int(0.6 * width)]
            if part.std() > 0.01:
                yield Picture("part of a photograph", path.name, part)


def screenshots() -> Iterator[Picture]:
    """Yield the screenshots of the documentation, which are measured only."""
    for path in sorted(DOCUMENTATION.glob("*.png")):
        grey = _read(path)
        if grey is not None:
            yield Picture("screenshot of Readroom", f"{MEASURED_ONLY}{path.name}", grey)


def drawn_chests() -> Iterator[Picture]:
    """Yield the drawings of the tests and of the former demonstration, which stood for radiographs there."""
    for number in range(1, 41):
        yield Picture("drawn chest", f"demo {number}", _decoded(drawing_png(number)))
    for seed in range(240):
        size = ((256, 256), (300, 240), (400, 300), (512, 512))[seed % 4]
        yield Picture("drawn chest", f"test {seed}", radiograph_grey(seed, size).astype(np.float32))
        yield Picture("drawn chest", f"own {seed}", _decoded(individual_radiograph_png(seed)))


def _cohen(folder: Path) -> Iterator[Picture]:
    with (folder / "metadata.csv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            kind, grey = _cohen_kind(row), _read(folder / "images" / row["filename"])
            if kind and grey is not None:
                yield Picture(kind, f"cohen {row['patientid']}", grey)


def _cohen_kind(row: dict[str, str]) -> str:
    if row["modality"] == "CT":
        return "CT slice"
    if row["view"] == "L":
        return "lateral view"
    is_child = bool(row["age"]) and float(row["age"]) < CHILD
    if row["view"] not in FRONTAL_VIEWS:
        return ""
    return "frontal, children" if is_child else "frontal, Cohen"


def _folder(folder: Path, kind: str, *, separator: str = "", limit: int | None = None) -> Iterator[Picture]:
    for path in sorted(folder.iterdir())[:limit]:
        grey = _read(path)
        patient = path.stem.split(separator)[0] if separator else path.stem
        if grey is not None:
            yield Picture(kind, f"{kind} {patient}", grey)


def _photograph_files() -> list[Path]:
    folders = [
        _package("sklearn") / "datasets" / "images",
        _package("matplotlib") / "mpl-data" / "sample_data",
        _package("skimage") / "data",
    ]
    return [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in PHOTOGRAPHS]


def _package(name: str) -> Path:
    specification = importlib.util.find_spec(name)
    if specification is None or specification.origin is None:
        raise SystemExit(f"Please install {name}: its sample pictures are measured.")
    return Path(specification.origin).parent


def _read(path: Path) -> Grey | None:
    stored = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if stored is None or min(stored.shape) < MIN_SIDE:
        return None
    return stored.astype(np.float32) / 255


def _decoded(png: bytes) -> Grey:
    stored = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert stored is not None
    return stored.astype(np.float32) / 255
