"""A ZIP of any of the other collections."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from ml.importers import archive
from ml.importers.recognition import recognise
from ml.importers.records import Imported, Options, UnreadableCollection

NAME: Final = "zip"


def recognises(path: Path) -> bool:
    """Tell whether it is a ZIP."""
    return archive.is_archive(path)


def read(path: Path, options: Options) -> Imported:
    """Unpack into a new folder in `options.unpack_into` and read what is there; the radiographs stay there."""
    if options.unpack_into is None:
        raise UnreadableCollection("nowhere_to_unpack", "A ZIP needs a folder to be unpacked into.")
    folder = archive.unpack(path, options.unpack_into)
    try:
        return recognise(folder).read(replace(options, name=options.name or path.stem))
    except UnreadableCollection:
        shutil.rmtree(folder)
        raise
