"""Which collection a folder or a table is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ml.importers import class_folders, cohen, csv_table, darkcovidnet, kaggle, radiography
from ml.importers.files import folders_in
from ml.importers.records import DEFAULTS, Imported, Options, UnreadableCollection

MOST_WRAPPINGS: Final = 3  # folders that hold nothing but the next one, as archives have them


class Kind(Protocol):
    """What each module of a collection offers."""

    @property
    def NAME(self) -> str: ...

    def recognises(self, folder: Path, /) -> bool: ...

    def read(self, folder: Path, options: Options, /) -> Imported: ...


PUBLIC: Final[tuple[Kind, ...]] = (cohen, darkcovidnet, radiography, kaggle, csv_table)


@dataclass(frozen=True)
class Importer:
    """A collection that was recognised, and where it begins."""

    kind: Kind
    path: Path

    @property
    def name(self) -> str:
        """Say which importer it is: cohen, darkcovidnet, radiography, kaggle, table, tree or zip."""
        return self.kind.NAME

    def read(self, options: Options = DEFAULTS) -> Imported:
        """List the collection's radiographs; raises UnreadableCollection."""
        return self.kind.read(self.path, options)


def recognise(path: Path) -> Importer:
    """Tell which collection a folder or a table is; raises UnreadableCollection."""
    if path.is_file() and path.name == cohen.TABLE and cohen.recognises(path.parent):
        return Importer(cohen, path.parent)
    for place in _unwrapped(path):
        for kind in PUBLIC:
            if kind.recognises(place):
                return Importer(kind, place)
    if path.is_dir() and any(kind.recognises(inner) for inner in folders_in(path) for kind in PUBLIC[:-1]):
        # As one tree they would lose their patients and their tables.
        raise UnreadableCollection(
            "several_collections", "This folder holds collections. Import each by itself."
        )
    if path.is_dir() and class_folders.recognises(path):
        return Importer(class_folders, path)
    raise UnreadableCollection(
        "not_a_collection",
        "There is no collection here: neither one of the known ones, nor folders named after findings, nor a "
        "table (CSV) with the columns path and label.",
    )


def _unwrapped(path: Path) -> Iterator[Path]:
    yield path
    for _ in range(MOST_WRAPPINGS):
        inner = folders_in(path) if path.is_dir() else []
        if len(inner) != 1:
            return
        path = inner[0]
        yield path
