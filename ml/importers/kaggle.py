"""Kaggle's Chest X-Ray Images (Pneumonia), which are Kermany et al.'s radiographs of children."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ml.importers.files import files_in, is_radiograph
from ml.importers.records import Gathering, Imported, Options, Provenance, Reason
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
        "By the number in the file name where there is one, otherwise each radiograph its own. All are children of "
        "one to five years. The collection's own train, val and test are put together again."
    ),
)


def recognises(folder: Path) -> bool:
    """Tell by the folders' names and the collection's ways of naming radiographs."""
    return any(_patient(path) for _, path in _files(folder))


def read(folder: Path, options: Options) -> Imported:
    """Take every radiograph of train, val and test."""
    gathering = Gathering()
    for label, path in _files(folder):
        if path.is_symlink():
            gathering.leave(Reason.OUTSIDE, path.name)
        elif is_radiograph(path):
            patient = _patient(path) or path.stem
            gathering.take(LabelledImage(path, label, f"{NAME}-{patient}", NAME, "AP"))
        else:
            gathering.leave(Reason.NOT_AN_IMAGE, path.name)
    return gathering.done(PROVENANCE)


def _files(folder: Path) -> list[tuple[str, Path]]:
    return [
        (label, path)
        for part in PARTS
        for name, label in FOLDERS.items()
        for path in files_in(folder / part / name)
    ]


def _patient(path: Path) -> str:
    """Return the patient in the file's name; one number in two parts is one person, so that none leaks."""
    found = next((m for way in (PERSON, SERIES, RELEASE_3) if (m := way.fullmatch(path.stem))), None)
    return found[1] if found else ""
