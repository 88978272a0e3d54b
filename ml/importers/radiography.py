"""Importer of the COVID-19 Radiography Database: a folder per class, in later releases with lung masks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ml.importers.files import files_in, folders_in, is_radiograph
from ml.importers.labels import finding_of
from ml.importers.records import CollectionBuilder, LabelledCollection, Provenance, ReadOptions, Reason
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
    licence="No licence of the compilation is known; each source collection has its own terms.",
    patients="Unknown: each radiograph counts as a separate patient, although some patients have several.",
)


def recognises(folder: Path) -> bool:
    """Return whether the folder names and the file names match."""
    covid = [path for name in COVID for path in _radiographs(folder / name)]
    return any((folder / name).is_dir() for name in OTHERS) and any(
        RADIOGRAPH.fullmatch(p.stem) for p in covid
    )


def read(folder: Path, options: ReadOptions) -> LabelledCollection:
    """Return every radiograph of CLASS/images or CLASS, with its mask where one exists."""
    builder = CollectionBuilder()
    for class_folder in folders_in(folder):
        label = finding_of(class_folder.name)
        masks = {path.stem: path for path in files_in(class_folder / "masks")}
        for path in _radiographs(class_folder):
            if path.is_symlink():
                builder.exclude(Reason.OUTSIDE, path.name)
            elif not is_radiograph(path):
                builder.exclude(Reason.NOT_AN_IMAGE, path.name)
            elif isinstance(label, Reason):
                builder.exclude(label, path.name, class_folder.name)
            else:
                builder.add(_radiograph(path, label, class_folder.name), masks.get(path.stem))
    return builder.build(PROVENANCE)


def _radiograph(path: Path, label: str, folder: str) -> LabelledImage:
    # The classes come from different collections, so each is a separate source.
    source = f"{NAME}-{folder.replace(' ', '-').lower()}"
    return LabelledImage(path, label, f"{NAME}-{path.stem}", source)


def _radiographs(class_folder: Path) -> list[Path]:
    images = class_folder / "images"
    return files_in(images if images.is_dir() else class_folder)
