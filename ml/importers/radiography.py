"""The COVID-19 Radiography Database: a folder per class, with lung masks in its later releases."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ml.importers.files import files_in, folders_in, is_radiograph
from ml.importers.labels import finding_of
from ml.importers.records import Gathering, Imported, Options, Provenance, Reason
from ml.records import LabelledImage

NAME: Final = "radiography"
COVID: Final = ("COVID", "COVID-19")
OTHERS: Final = ("Normal", "NORMAL", "Lung_Opacity", "Viral Pneumonia")
RADIOGRAPH: Final = re.compile(r"COVID(-19)?( ?\(\d+\)|-\d+)", re.IGNORECASE)  # COVID-17, COVID-19 (17)

PROVENANCE: Final = Provenance(
    name="COVID-19 Radiography Database",
    citation=(
        "Chowdhury et al.: Can AI help in screening viral and COVID-19 pneumonia? IEEE Access 8 (2020) "
        "132665. Rahman et al.: Exploring the effect of image enhancement techniques on COVID-19 detection "
        "using chest X-ray images. Comput Biol Med 132 (2021) 104319."
    ),
    licence="None of its own is known here: a compilation of other collections, each under its own terms.",
    patients="Not known: each radiograph is taken for a patient of its own, though patients do repeat.",
)


def recognises(folder: Path) -> bool:
    """Tell by the folders' names and the database's way of naming radiographs."""
    covid = [path for name in COVID for path in _radiographs(folder / name)]
    return any((folder / name).is_dir() for name in OTHERS) and any(
        RADIOGRAPH.fullmatch(p.stem) for p in covid
    )


def read(folder: Path, options: Options) -> Imported:
    """Take every radiograph of CLASS/images or CLASS, and note the mask of each that has one."""
    gathering = Gathering()
    for place in folders_in(folder):
        label = finding_of(place.name)
        masks = {path.stem: path for path in files_in(place / "masks")}
        for path in _radiographs(place):
            if path.is_symlink():
                gathering.leave(Reason.OUTSIDE, path.name)
            elif not is_radiograph(path):
                gathering.leave(Reason.NOT_AN_IMAGE, path.name)
            elif isinstance(label, Reason):
                gathering.leave(label, path.name, place.name)
            else:
                gathering.take(_radiograph(path, label, place.name), masks.get(path.stem))
    return gathering.done(PROVENANCE)


def _radiograph(path: Path, label: str, folder: str) -> LabelledImage:
    # The classes come from different collections, so each is a source of its own.
    source = f"{NAME}-{folder.replace(' ', '-').lower()}"
    return LabelledImage(path, label, f"{NAME}-{path.stem}", source)


def _radiographs(place: Path) -> list[Path]:
    return files_in(place / "images" if (place / "images").is_dir() else place)
