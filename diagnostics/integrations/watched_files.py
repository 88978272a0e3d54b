"""The files of the watched folder: which ones are complete, where they go, and the results beside them.

The folders `working`, `done` and `refused` hold files under random names only. The name that a file came
with may be that of a patient; it stands inside the result.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from diagnostics.files import DRAFT_SUFFIX, sync_folder, write_durably
from diagnostics.integrations.errors.watched_folder import FolderInUse, InvalidFields

WORKING, DONE, REFUSED = "working", "done", "refused"
NOTE: Final = ".note"  # beside a file of `working`: the name it came with
FIELDS: Final = ".json"  # beside a file: its fields; it is put there before the file
FIELD_NAMES: Final = frozenset({"patient_ref", "accession_number", "view", "priority"})
SKIPPED: Final = (FIELDS, ".part", ".partial", ".tmp", ".crdownload", ".filepart")  # unfinished ones
MOST_ENTRIES: Final = 5000  # of a ZIP
SIGNATURE_OF_ZIP: Final = b"PK\x03\x04"

Sizes = dict[Path, tuple[int, int]]  # file -> size and time of the last change


@dataclass(frozen=True)
class Claimed:
    """A file that was moved to `working`."""

    path: Path
    name: str  # that it came with, relative to the folder
    stated: str  # what the file beside it states, for formats that name no patient

    @property
    def is_zip(self) -> bool:
        """Return whether the file is a ZIP by its content."""
        with self.path.open("rb") as file:
            return file.read(len(SIGNATURE_OF_ZIP)) == SIGNATURE_OF_ZIP


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Lock the folder; raises FolderInUse while another process watches it."""
    for name in (WORKING, DONE, REFUSED):
        (folder / name).mkdir(exist_ok=True)
    with (folder / ".readroom.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FolderInUse(str(folder)) from error
        yield


def sizes(folder: Path) -> Sizes:
    """Return size and time of every file that may be taken; links, hidden and unfinished files are not."""
    found: Sizes = {}
    own = {folder / name for name in (WORKING, DONE, REFUSED)}
    for parent, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if Path(parent, each) not in own and not each.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if not name.startswith(".") and not name.lower().endswith(SKIPPED) and not path.is_symlink():
                found |= _size(path)
    return found


def complete(before: Sizes, now: Sizes) -> list[Path]:
    """Return the files that have not changed since an earlier look, in the order of their names."""
    return sorted(path for path, size in now.items() if before.get(path) == size)


def claim(folder: Path, path: Path) -> Claimed:
    """Move a file to `working` under a random name; its note is written first."""
    claimed, name = folder / WORKING / uuid.uuid4().hex, str(path.relative_to(folder))
    beside = path.with_name(path.name + FIELDS)
    stated = beside.read_text("utf-8", "replace") if beside.is_file() else ""
    _write(claimed.with_suffix(NOTE), {"file": name, "fields": stated})
    path.replace(claimed)
    sync_folder(claimed.parent)
    beside.unlink(missing_ok=True)
    return Claimed(claimed, name, stated)


def unfinished(folder: Path) -> list[Claimed]:
    """Return what an interrupted run has left in `working`; drafts and notes without a file are removed."""
    for name in (WORKING, DONE, REFUSED):
        for draft in (folder / name).glob(f"*{DRAFT_SUFFIX}"):
            draft.unlink()
    left = []
    for note in sorted((folder / WORKING).glob(f"*{NOTE}")):
        claimed = note.with_suffix("")
        if claimed.exists():
            content = json.loads(note.read_text("utf-8"))
            left.append(Claimed(claimed, str(content["file"]), str(content["fields"])))
        else:
            note.unlink()
    return left


def finish(folder: Path, claimed: Claimed, *, accepted: bool, result: dict[str, Any]) -> Path:
    """Write the result of a file and move it to `done` or `refused`; return the path of the result.

    A repetition after a kill writes the same names again.
    """
    target = folder / (DONE if accepted else REFUSED)
    path = target / f"{claimed.path.name}.json"
    _write(path, {"file": claimed.name} | result)
    claimed.path.replace(target / claimed.path.name)
    sync_folder(target)
    claimed.path.with_suffix(NOTE).unlink(missing_ok=True)
    return path


def fields_of(stated: str) -> dict[str, str]:
    """Return the fields that a file beside a radiograph states; raises InvalidFields."""
    if not stated:
        return {}
    try:
        fields = json.loads(stated)
    except ValueError as error:
        raise InvalidFields from error
    if not isinstance(fields, dict) or not set(fields) <= FIELD_NAMES:
        raise InvalidFields
    if not all(isinstance(value, str) for value in fields.values()):
        raise InvalidFields
    return fields


def entries(path: Path) -> Iterator[tuple[str, zipfile.ZipInfo, zipfile.ZipFile]]:
    """Yield the files of a ZIP; raises zipfile.BadZipFile."""
    with zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if _is_radiograph(info)]
        if len(infos) > MOST_ENTRIES:
            raise zipfile.BadZipFile("too many entries")
        for info in infos:
            yield info.filename, info, archive


def _is_radiograph(info: zipfile.ZipInfo) -> bool:
    parts = Path(info.filename).parts
    if info.filename.endswith(FIELDS):
        return False
    return not info.is_dir() and not any(
        part.startswith((".", "__MACOSX")) and part != ".." for part in parts
    )


def _size(path: Path) -> Sizes:
    try:
        status = path.stat()
    except OSError:  # moved or removed since it was listed
        return {}
    return {path: (status.st_size, status.st_mtime_ns)}


def _write(path: Path, content: dict[str, Any]) -> None:
    write_durably(path, json.dumps(content, ensure_ascii=False, indent=1).encode())
