"""Any tree of folders in which a folder's name is the finding of the radiographs below it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ml.importers.files import MASK_FOLDERS, files_below, is_radiograph
from ml.importers.labels import finding_of
from ml.importers.records import Gathering, Imported, Options, Provenance, Reason
from ml.records import LabelledImage

NAME: Final = "tree"


def recognises(folder: Path) -> bool:
    """Tell whether any radiograph lies below a folder."""
    return any(path.parent != folder and is_radiograph(path) for path in files_below(folder))


def read(folder: Path, options: Options) -> Imported:
    """Take each radiograph under the finding of the nearest folder above it that is named after one."""
    gathering, name = Gathering(), options.name or folder.name
    for path in files_below(folder):
        above = path.relative_to(folder).parent.parts
        finding = _finding(above)
        if path.is_symlink():
            gathering.leave(Reason.OUTSIDE, path.name)
        elif not is_radiograph(path):
            gathering.leave(Reason.NOT_AN_IMAGE, path.name)
        elif above and above[-1].casefold() in MASK_FOLDERS:
            gathering.leave(Reason.MASK, path.name)
        elif isinstance(finding, Reason):
            gathering.leave(finding, path.name, "/".join(above))
        else:
            own = options.pseudonym(path.relative_to(folder).as_posix())
            gathering.take(LabelledImage(path, finding, f"{name}-{own}", name))
    return gathering.done(_provenance(name))


def _finding(above: tuple[str, ...]) -> str | Reason:
    for name in reversed(above):
        if not isinstance(finding := finding_of(name), Reason):
            return finding
    return Reason.FINDING_NOT_KNOWN if above else Reason.FINDING_NOT_GIVEN


def _provenance(name: str) -> Provenance:
    return Provenance(
        name=name,
        citation="",
        licence="Not stated.",
        patients="Not known: each radiograph is taken for a patient of its own.",
    )
