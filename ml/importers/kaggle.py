"""Importer of Chest X-Ray Images (Pneumonia) on Kaggle: radiographs of children (Kermany et al. 2018)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ml.importers.files import files_in, is_radiograph
from ml.importers.records import CollectionBuilder, LabelledCollection, Provenance, ReadOptions, Reason
from ml.records import LabelledImage

NAME: Final = "kaggle"
PARTS: Final = ("train", "val", "test", ".")
FOLDERS: Final = {"NORMAL": "normal", "PNEUMONIA": "pneumonia"}
PERSON: Final = re.compile(r"(person\d+)_(?:virus|bacteria)_\d+", re.IGNORECASE)
SERIES: Final = re.compile(r"((?:NORMAL2-)?IM-\d+)-\d+(?:-\d+)?")
RELEASE_3: Final = re.compile(r"(?:NORMAL|BACTERIA|VIRUS)-(\d+)-\d+")  # disease, patient, number

PROVENANCE: Final = Provenance(
    name="Chest X-Ray Images (Pneumonia)",
    citation=(
        "Kermany et al.: Identifying medical diagnoses and treatable diseases by image-based deep learning. "
        "Cell 172 (2018) 1122-1131. Mendeley Data, doi:10.17632/rscbjbr9sj."
    ),
    licence="CC BY 4.0",
    patients=(
        "Number in the file name, otherwise one per radiograph. All are children of one to five years. The "
        "collection's own train, val and test folders are merged."
    ),
)


def recognises(folder: Path) -> bool:
    """Return whether the folder names and the file names match."""
    return any(_patient(path) for _, path in _files(folder))


def read(folder: Path, options: ReadOptions) -> LabelledCollection:
    """Return every radiograph of train, val and test."""
    builder = CollectionBuilder()
    for label, path in _files(folder):
        if path.is_symlink():
            builder.exclude(Reason.OUTSIDE, path.name)
        elif is_radiograph(path):
            patient = _patient(path) or path.stem
            builder.add(LabelledImage(path, label, f"{NAME}-{patient}", NAME, "AP"))
        else:
            builder.exclude(Reason.NOT_AN_IMAGE, path.name)
    return builder.build(PROVENANCE)


def _files(folder: Path) -> list[tuple[str, Path]]:
    return [
        (label, path)
        for part in PARTS
        for name, label in FOLDERS.items()
        for path in files_in(folder / part / name)
    ]


def _patient(path: Path) -> str:
    """Return the patient in the file name; the same number in two parts is one patient."""
    patterns = (PERSON, SERIES, RELEASE_3)
    match = next((m for pattern in patterns if (m := pattern.fullmatch(path.stem))), None)
    return match[1] if match else ""
