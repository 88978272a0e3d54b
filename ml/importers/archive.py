"""Unpacking of an untrusted ZIP: the whole archive is checked before the first file is written."""

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

MAX_MEMBERS: Final = 10_000
MAX_BYTES: Final = 2_000_000_000  # of all members together, unpacked
MAX_RATIO: Final = 100  # unpacked to packed size, of each member and of the whole
MAX_DIRECTORY_BYTES: Final = 16 * 1024 * 1024  # of the central directory, which zipfile reads at once
MAX_NAME_BYTES: Final = 255  # of one path component
MAX_DEPTH: Final = 32
COMPRESSIONS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
CHUNK: Final = 1024 * 1024
END_RECORD: Final = struct.Struct("<4s4H2LH")  # end of central directory
ZIP64_LOCATOR_SIZE: Final = 20


def is_archive(path: Path) -> bool:
    """Return whether a file is a ZIP."""
    return path.is_file() and (path.suffix.lower() == ".zip" or zipfile.is_zipfile(path))


def unpack(path: Path, into: Path, *, max_members: int = MAX_MEMBERS, max_bytes: int = MAX_BYTES) -> Path:
    """Unpack into a new folder in `into` and return it; no file remains after UnreadableCollection.

    `max_bytes` limits all members together, unpacked.
    """
    with path.open("rb") as file:
        _check_directory(file)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
            raise _damaged() from error
        with archive:
            members = _checked(archive.infolist(), path.stat().st_size, max_members, max_bytes)
            folder = Path(tempfile.mkdtemp(prefix="unpacked-", dir=into))
            try:
                _write(archive, members, folder)
            except BaseException:  # an incomplete collection must not remain, for any reason
                shutil.rmtree(folder, ignore_errors=True)
                raise
    return folder


def _check_directory(file: BinaryIO) -> None:
    """Check the size of the central directory in the end record, because zipfile reads all of it at once."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - END_RECORD.size - 0xFFFF - ZIP64_LOCATOR_SIZE)
    file.seek(start)
    tail = file.read()
    file.seek(0)
    position = tail.rfind(b"PK\5\6")
    if position < 0 or len(tail) - position < END_RECORD.size:
        raise _damaged()
    # ZIP64 is needed only above the limits on members and bytes.
    is_zip64 = tail[max(0, position - ZIP64_LOCATOR_SIZE) :].startswith(b"PK\6\7")
    if is_zip64 or END_RECORD.unpack_from(tail, position)[5] > MAX_DIRECTORY_BYTES:
        raise UnreadableCollection("zip_too_many", f"This ZIP has more than {MAX_MEMBERS} files.")


def _checked(
    all_members: list[zipfile.ZipInfo], packed: int, max_members: int, max_bytes: int
) -> list[zipfile.ZipInfo]:
    """Return the members to write; raises UnreadableCollection if any member violates a rule."""
    for member in all_members:
        _check_name(member.filename)
        _check_kind(member)
    members = [m for m in all_members if not m.is_dir() and not _is_clutter(m.filename)]
    if len(members) > max_members:
        raise UnreadableCollection("zip_too_many", f"This ZIP has more than {max_members} files.")
    total = sum(member.file_size for member in members)
    if total > max_bytes:
        limit = f"{max_bytes / 10**9:g} GB"
        raise UnreadableCollection("zip_too_large", f"This ZIP unpacks to more than {limit}.")
    # The total is checked as well: members may share their packed bytes.
    sizes = [(m.file_size, m.compress_size) for m in members]
    if any(size > MAX_RATIO * compressed for size, compressed in [*sizes, (total, packed)]):
        raise UnreadableCollection("zip_bomb", "This ZIP unpacks to more than 100 times its size.")
    _check_no_clash([member.filename for member in members])
    return members


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive or "\\" in name
    invalid = not path.parts or any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in name)
    if outside or invalid:
        raise UnreadableCollection(
            "zip_path", "This ZIP contains a file with a path outside the archive or an invalid path."
        )
    if len(path.parts) > MAX_DEPTH or any(len(part.encode()) > MAX_NAME_BYTES for part in path.parts):
        raise UnreadableCollection("zip_path", "This ZIP contains a file with a path that is too long.")


def _check_kind(member: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnreadableCollection("zip_link", "This ZIP contains a link or a device.")
    if member.flag_bits & 0x1:
        raise UnreadableCollection("zip_encrypted", "This ZIP is encrypted.")
    if member.compress_type not in COMPRESSIONS:
        raise UnreadableCollection(
            "zip_packing", "The compression of this ZIP is not supported. Use Deflate."
        )


def _check_no_clash(names: list[str]) -> None:
    files = [PurePosixPath(name) for name in names]
    folders = {parent for file in files for parent in file.parents}
    if len(set(files)) < len(files) or folders & set(files):
        raise UnreadableCollection("zip_clash", "This ZIP contains two files with the same name.")


def _is_clutter(name: str) -> bool:
    return any(is_clutter(part) for part in PurePosixPath(name).parts)


def _write(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path) -> None:
    try:
        for member in members:
            target = folder / member.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("xb") as out:
                # zipfile stops at the size that was checked, whatever the compressed data hold.
                shutil.copyfileobj(source, out, CHUNK)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        ValueError,
        NotImplementedError,
    ) as error:
        raise _damaged() from error


def _damaged() -> UnreadableCollection:
    return UnreadableCollection("zip_damaged", "This ZIP is damaged.")
