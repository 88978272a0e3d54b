"""Collections of labelled chest films as they lie on disk, read without decoding a film.

`recognise(path)` tells which importer fits a folder, a table or a ZIP, and `read(path)` lists its films with
what was left out and why. Findings are translated by the one table in `labels`; patients are pseudonyms that
begin with the collection's name.
"""

from __future__ import annotations

from pathlib import Path

from ml.importers import recognition, zipped
from ml.importers.recognition import Importer
from ml.importers.records import (
    DEFAULTS,
    SENTENCES,
    Imported,
    ImportRefused,
    LeftAside,
    Options,
    Provenance,
    Reason,
)

__all__ = [
    "SENTENCES",
    "ImportRefused",
    "Imported",
    "Importer",
    "LeftAside",
    "Options",
    "Provenance",
    "Reason",
    "read",
    "recognise",
]


def recognise(path: Path) -> Importer:
    """Tell which collection a folder, a table or a ZIP is; raises ImportRefused."""
    return Importer(zipped, path) if zipped.recognises(path) else recognition.recognise(path)


def read(path: Path, options: Options = DEFAULTS) -> Imported:
    """List the films of a collection; raises ImportRefused."""
    return recognise(path).read(options)
