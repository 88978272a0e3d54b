"""Collections of labelled chest radiographs as they lie on disk, read without decoding a radiograph.

`recognise(path)` tells which importer fits a folder, a table or a ZIP, and `read(path)` lists its radiographs with
what was left out and why. Findings are translated by the one table in `labels`; patients are pseudonyms that
begin with the collection's name.
"""

from __future__ import annotations

from pathlib import Path

from ml.importers import recognition, zip_file
from ml.importers.recognition import Importer
from ml.importers.records import (
    DEFAULTS,
    SENTENCES,
    ExcludedFiles,
    Imported,
    Options,
    Provenance,
    Reason,
    UnreadableCollection,
)

__all__ = [
    "SENTENCES",
    "ExcludedFiles",
    "Imported",
    "Importer",
    "Options",
    "Provenance",
    "Reason",
    "UnreadableCollection",
    "read",
    "recognise",
]


def recognise(path: Path) -> Importer:
    """Tell which collection a folder, a table or a ZIP is; raises UnreadableCollection."""
    return Importer(zip_file, path) if zip_file.recognises(path) else recognition.recognise(path)


def read(path: Path, options: Options = DEFAULTS) -> Imported:
    """List the radiographs of a collection; raises UnreadableCollection."""
    return recognise(path).read(options)
