"""Importers of labelled chest radiograph collections; no image is decoded.

`recognise(path)` returns the importer of a folder, a table or a ZIP. `read(path)` returns its radiographs and
the excluded files with reasons. `labels` maps all findings. Patients are pseudonyms with the name of the
collection as prefix.
"""

from __future__ import annotations

from pathlib import Path

from ml.importers import recognition, zip_file
from ml.importers.recognition import Importer
from ml.importers.records import (
    DEFAULTS,
    ExcludedFiles,
    LabelledCollection,
    Provenance,
    ReadOptions,
    Reason,
    UnreadableCollection,
)

__all__ = [
    "ExcludedFiles",
    "Importer",
    "LabelledCollection",
    "Provenance",
    "ReadOptions",
    "Reason",
    "UnreadableCollection",
    "read",
    "recognise",
]


def recognise(path: Path) -> Importer:
    """Return the importer of a folder, a table or a ZIP; raises UnreadableCollection."""
    return Importer(zip_file, path) if zip_file.recognises(path) else recognition.recognise(path)


def read(path: Path, options: ReadOptions = DEFAULTS) -> LabelledCollection:
    """Return the radiographs of a collection; raises UnreadableCollection."""
    return recognise(path).read(options)
