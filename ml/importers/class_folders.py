"""Importer of any folder tree in which a folder's name is the finding of the radiographs inside."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ml.importers.files import MASK_FOLDERS, files_below, is_radiograph
from ml.importers.labels import finding_of
from ml.importers.records import (
    SEPARATE_PATIENTS,
    CollectionBuilder,
    LabelledCollection,
    Provenance,
    ReadOptions,
    Reason,
)
from ml.records import LabelledImage

NAME: Final = "tree"


def recognises(folder: Path) -> bool:
    """Return whether a subfolder contains a radiograph."""
    return any(path.parent != folder and is_radiograph(path) for path in files_below(folder))


def read(folder: Path, options: ReadOptions) -> LabelledCollection:
    """Return each radiograph with the finding of its nearest parent folder that is named after one."""
    builder, name = CollectionBuilder(), options.name or folder.name
    for path in files_below(folder):
        parents = path.relative_to(folder).parent.parts
        finding = _finding(parents)
        if path.is_symlink():
            builder.exclude(Reason.OUTSIDE, path.name)
        elif not is_radiograph(path):
            builder.exclude(Reason.NOT_AN_IMAGE, path.name)
        elif parents and parents[-1].casefold() in MASK_FOLDERS:
            builder.exclude(Reason.MASK, path.name)
        elif isinstance(finding, Reason):
            builder.exclude(finding, path.name, "/".join(parents))
        else:
            pseudonym = options.pseudonym(path.relative_to(folder).as_posix())
            builder.add(LabelledImage(path, finding, f"{name}-{pseudonym}", name))
    return builder.build(_provenance(name))


def _finding(parents: tuple[str, ...]) -> str | Reason:
    for name in reversed(parents):
        if not isinstance(finding := finding_of(name), Reason):
            return finding
    return Reason.FINDING_NOT_KNOWN if parents else Reason.FINDING_NOT_GIVEN


def _provenance(name: str) -> Provenance:
    return Provenance(
        name=name,
        citation="",
        licence="Not stated.",
        patients=SEPARATE_PATIENTS,
    )
