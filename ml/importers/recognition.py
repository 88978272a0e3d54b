"""Selection of the importer that fits a folder or a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ml.importers import class_folders, cohen, csv_table, darkcovidnet, kaggle, radiography
from ml.importers.files import folders_in
from ml.importers.records import DEFAULTS, LabelledCollection, ReadOptions, UnreadableCollection

MAX_WRAPPING_FOLDERS: Final = 3  # folders that contain only one folder, as in many archives


class CollectionFormat(Protocol):
    """Interface of the module of each collection."""

    @property
    def NAME(self) -> str: ...

    def recognises(self, folder: Path, /) -> bool: ...

    def read(self, folder: Path, options: ReadOptions, /) -> LabelledCollection: ...


PUBLIC: Final[tuple[CollectionFormat, ...]] = (cohen, darkcovidnet, radiography, kaggle, csv_table)


@dataclass(frozen=True)
class Importer:
    """The format of a collection and its root path."""

    format: CollectionFormat
    path: Path

    @property
    def name(self) -> str:
        """Return the format: cohen, darkcovidnet, radiography, kaggle, table, tree or zip."""
        return self.format.NAME

    def read(self, options: ReadOptions = DEFAULTS) -> LabelledCollection:
        """Return the collection's radiographs; raises UnreadableCollection."""
        return self.format.read(self.path, options)


def recognise(path: Path) -> Importer:
    """Return the importer of a folder or a table; raises UnreadableCollection."""
    if path.is_file() and path.name == cohen.TABLE and cohen.recognises(path.parent):
        return Importer(cohen, path.parent)
    for root in _unwrapped(path):
        for candidate in PUBLIC:
            if candidate.recognises(root):
                return Importer(candidate, root)
    if path.is_dir() and any(known.recognises(inner) for inner in folders_in(path) for known in PUBLIC[:-1]):
        # Imported as class folders they would lose their patients and their tables.
        raise UnreadableCollection(
            "several_collections", "This folder contains several collections. Import each of them separately."
        )
    if path.is_dir() and class_folders.recognises(path):
        return Importer(class_folders, path)
    raise UnreadableCollection(
        "not_a_collection",
        "No collection was recognised: the path is no known collection, has no folders named after "
        "findings, and no table (CSV) with the columns path and label.",
    )


def _unwrapped(path: Path) -> Iterator[Path]:
    yield path
    for _ in range(MAX_WRAPPING_FOLDERS):
        inner = folders_in(path) if path.is_dir() else []
        if len(inner) != 1:
            return
        path = inner[0]
        yield path
