"""An archive: a tar of files, each hashed as it is written or read, with the manifest as its last member."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from django.utils.translation import gettext as _

from webapp.backup import encryption, manifest
from webapp.backup.errors import DamagedBackup, RestoreRefused
from webapp.backup.manifest import Manifest, StoredFile

MODE: Final = 0o600
BLOCK: Final = 1 << 20


class Writer:
    """Adds files to an archive and remembers their hashes."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.files: dict[str, StoredFile] = {}

    def add(self, name: str, path: Path) -> bool:
        """Add a file; return False when it does not exist. Raises OSError."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return False
        with file:
            self._add(name, file, os.fstat(file.fileno()).st_size)
        return True

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a file with this content."""
        self._add(name, io.BytesIO(content), len(content))

    def _add(self, name: str, content: IO[bytes], size: int) -> None:
        hashing = _HashingReader(content)
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, MODE
        self._tar.addfile(member, hashing)
        self.files[name] = StoredFile(hashing.digest.hexdigest(), size)


class _HashingReader(io.RawIOBase):
    def __init__(self, content: IO[bytes]) -> None:
        self._content, self.digest = content, hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        block = self._content.read(size)
        self.digest.update(block)
        return block


@contextmanager
def written(path: Path, *, passphrase: str) -> Iterator[Writer]:
    """Yield a writer of a new archive, readable by its owner only; nothing is left after an error.

    Raises FileExistsError, OSError.
    """
    draft = path.with_name(f".{path.name}.partial")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as file:
            if passphrase:
                with encryption.encrypted(file, passphrase) as stream:
                    yield from _written_tar(stream)
            else:
                yield from _written_tar(file)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike rename, it fails when the name is taken
    finally:
        draft.unlink(missing_ok=True)


def _written_tar(stream: IO[bytes]) -> Iterator[Writer]:
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        yield Writer(tar)


def is_encrypted(path: Path) -> bool:
    """Return whether an archive asks for a passphrase."""
    with path.open("rb") as file:
        return file.read(len(encryption.MAGIC)) == encryption.MAGIC


def read(path: Path, *, passphrase: str, into: Path | None = None) -> Manifest:
    """Read a whole archive, compare each file with the manifest and return the manifest.

    With `into` the files are unpacked there. Raises DamagedBackup with the name of the file, RestoreRefused
    for a wrong passphrase, OSError.
    """
    if not is_encrypted(path):
        with path.open("rb") as file:
            return _checked(*_read_members(file, into))
    if not passphrase:
        raise RestoreRefused(_("The archive is encrypted: give its passphrase."))
    with path.open("rb") as file:
        file.seek(len(encryption.MAGIC))
        with encryption.decrypted(file, passphrase) as stream:
            return _checked(*_read_members(stream, into))


def _read_members(stream: IO[bytes], into: Path | None) -> tuple[dict[str, StoredFile], bytes]:
    found: dict[str, StoredFile] = {}
    name, listing = _("the beginning of the archive"), b""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                name = member.name
                content = tar.extractfile(member) if _is_safe(member) else None
                if content is None or name in found or listing:
                    raise DamagedBackup(_("%(name)s does not belong to a backup.") % {"name": name})
                if name == manifest.MEMBER:
                    listing = content.read()
                else:
                    found[name] = _copy(content, into / name if into else None)
    except (tarfile.TarError, EOFError) as error:
        raise DamagedBackup(_("The archive is damaged at or after %(name)s.") % {"name": name}) from error
    if not listing:
        raise DamagedBackup(_("The archive is incomplete: it ends after %(name)s.") % {"name": name})
    return found, listing


def _is_safe(member: tarfile.TarInfo) -> bool:
    return member.isreg() and not member.name.startswith("/") and ".." not in Path(member.name).parts


def _copy(content: IO[bytes], target: Path | None) -> StoredFile:
    if target is None:
        with Path(os.devnull).open("wb") as nothing:
            return _hashed(content, nothing)
    target.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as file:
        return _hashed(content, file)


def _hashed(content: IO[bytes], sink: IO[bytes]) -> StoredFile:
    digest, size = hashlib.sha256(), 0
    while block := content.read(BLOCK):
        digest.update(block)
        size += len(block)
        sink.write(block)
    return StoredFile(digest.hexdigest(), size)


def _checked(found: dict[str, StoredFile], listing: bytes) -> Manifest:
    stored = manifest.parse(listing)
    for name, file in stored.files.items():
        if name not in found:
            raise DamagedBackup(_("The archive is incomplete: %(name)s is missing.") % {"name": name})
        if found[name] != file:
            raise DamagedBackup(_("%(name)s differs from the backup's manifest.") % {"name": name})
    if surplus := sorted(set(found) - set(stored.files)):
        raise DamagedBackup(_("%(name)s does not belong to a backup.") % {"name": surplus[0]})
    return stored
