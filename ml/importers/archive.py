"""Unpacking a ZIP from a stranger: checked as a whole before the first file is written."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO, Final

from ml.importers.files import is_clutter
from ml.importers.records import UnreadableCollection

MOST_MEMBERS: Final = 10_000
MOST_BYTES: Final = 2_000_000_000  # of all members together, unpacked
HIGHEST_RATIO: Final = 100  # unpacked to packed, of each member and of the whole
LARGEST_DIRECTORY: Final = (
    16 * 1024 * 1024
)  # bytes of the archive's list of members, read before it is counted
LONGEST_NAME: Final = 255  # bytes of a name between two slashes
DEEPEST: Final = 32
PACKINGS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
CHUNK: Final = 1024 * 1024
END: Final = struct.Struct("<4s4H2LH")  # the record at the end of every ZIP
LOCATOR_SIZE: Final = 20


def is_archive(path: Path) -> bool:
    """Tell whether a file is a ZIP."""
    return path.is_file() and (path.suffix.lower() == ".zip" or zipfile.is_zipfile(path))


def unpack(path: Path, into: Path) -> Path:
    """Unpack into a new folder in `into` and return it; on UnreadableCollection nothing stays behind."""
    with path.open("rb") as file:
        _check_directory(file)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as trouble:
            raise _damaged() from trouble
        with archive:
            members = _checked(archive.infolist(), path.stat().st_size)
            folder = Path(tempfile.mkdtemp(prefix="unpacked-", dir=into))
            try:
                _write(archive, members, folder)
            except BaseException:  # whatever happens, half a collection must not stay
                shutil.rmtree(folder, ignore_errors=True)
                raise
    return folder


def _check_directory(file: BinaryIO) -> None:
    """Bound the list of members by the end record, since zipfile reads all of it at once."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - END.size - 0xFFFF - LOCATOR_SIZE)
    file.seek(start)
    tail = file.read()
    file.seek(0)
    place = tail.rfind(b"PK\5\6")
    if place < 0 or len(tail) - place < END.size:
        raise _damaged()
    # ZIP64 is for more members and bytes than are allowed here anyway.
    is_zip64 = tail[max(0, place - LOCATOR_SIZE) :].startswith(b"PK\6\7")
    if is_zip64 or END.unpack_from(tail, place)[5] > LARGEST_DIRECTORY:
        raise UnreadableCollection("zip_too_many", f"This ZIP has more than {MOST_MEMBERS} files.")


def _checked(everything: list[zipfile.ZipInfo], packed: int) -> list[zipfile.ZipInfo]:
    """Return the members to write; raises UnreadableCollection if any of all is not what it should be."""
    for member in everything:
        _check_name(member.filename)
        _check_kind(member)
    members = [m for m in everything if not m.is_dir() and not _is_clutter(m.filename)]
    if len(members) > MOST_MEMBERS:
        raise UnreadableCollection("zip_too_many", f"This ZIP has more than {MOST_MEMBERS} files.")
    total = sum(member.file_size for member in members)
    if total > MOST_BYTES:
        raise UnreadableCollection("zip_too_large", "This ZIP unpacks to more than 2 GB.")
    # The whole is compared as well: members may share their packed bytes.
    shares = [(m.file_size, m.compress_size) for m in members]
    if any(size > HIGHEST_RATIO * less for size, less in [*shares, (total, packed)]):
        raise UnreadableCollection("zip_bomb", "This ZIP unpacks to more than a hundred times its size.")
    _check_no_clash([member.filename for member in members])
    return members


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive or "\\" in name
    odd = not path.parts or any(ord(sign) < 32 or 0xD800 <= ord(sign) <= 0xDFFF for sign in name)
    if outside or odd:
        raise UnreadableCollection(
            "zip_path", "This ZIP holds a file whose path leads out of it or is not a plain path."
        )
    if len(path.parts) > DEEPEST or any(len(part.encode()) > LONGEST_NAME for part in path.parts):
        raise UnreadableCollection("zip_path", "This ZIP holds a file whose path is too long.")


def _check_kind(member: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnreadableCollection("zip_link", "This ZIP holds a link or a device.")
    if member.flag_bits & 0x1:
        raise UnreadableCollection("zip_encrypted", "This ZIP is encrypted.")
    if member.compress_type not in PACKINGS:
        raise UnreadableCollection(
            "zip_packing", "This ZIP is packed in a way that is not supported. Use plain ZIP."
        )


def _check_no_clash(names: list[str]) -> None:
    files = [PurePosixPath(name) for name in names]
    folders = {parent for file in files for parent in file.parents}
    if len(set(files)) < len(files) or folders & set(files):
        raise UnreadableCollection("zip_clash", "This ZIP holds two files of the same name.")


def _is_clutter(name: str) -> bool:
    return any(is_clutter(part) for part in PurePosixPath(name).parts)


def _write(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path) -> None:
    try:
        for member in members:
            target = folder / member.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("xb") as out:
                # zipfile gives no byte more than the size that was checked, whatever is packed.
                shutil.copyfileobj(source, out, CHUNK)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        ValueError,
        NotImplementedError,
    ) as trouble:
        raise _damaged() from trouble


def _damaged() -> UnreadableCollection:
    return UnreadableCollection("zip_damaged", "This ZIP is damaged.")
