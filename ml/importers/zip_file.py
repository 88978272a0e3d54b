"""Importer of a ZIP with any of the other collections."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from ml.importers import archive
from ml.importers.recognition import recognise
from ml.importers.records import LabelledCollection, ReadOptions, UnreadableCollection

NAME: Final = "zip"


def recognises(path: Path) -> bool:
    """Return whether the file is a ZIP."""
    return archive.is_archive(path)


def read(path: Path, options: ReadOptions) -> LabelledCollection:
    """Unpack into a new folder in `options.unpack_into` and return the collection in it."""
    if options.unpack_into is None:
        raise UnreadableCollection("nowhere_to_unpack", "A ZIP needs a folder to unpack into.")
    folder = archive.unpack(path, options.unpack_into)
    try:
        return recognise(folder).read(replace(options, name=options.name or path.stem))
    except UnreadableCollection:
        shutil.rmtree(folder)
        raise
