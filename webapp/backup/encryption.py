"""Encryption of an archive with a passphrase, in the age format.

The archive is encrypted for a key pair of its own. The private key, encrypted with the passphrase (scrypt),
is in the header; both parts are plain age files, so that `age` can read them without Readroom.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final

import pyrage
from django.utils.translation import gettext as _
from pyrage import passphrase as pyrage_passphrase

from webapp.backup.errors import DamagedBackup, RestoreRefused

MAGIC: Final = b"READROOM-BACKUP-AGE\n"
LENGTH_BYTES: Final = 4  # of the encrypted private key


@contextmanager
def encrypted(out: IO[bytes], passphrase: str) -> Iterator[IO[bytes]]:
    """Yield a stream whose content is encrypted into `out`."""
    identity = pyrage.x25519.Identity.generate()
    key = pyrage_passphrase.encrypt(str(identity).encode(), passphrase)
    out.write(MAGIC + len(key).to_bytes(LENGTH_BYTES, "big") + key)
    reader, writer = _pipe()
    with _running(lambda: pyrage.encrypt_io(reader, out, [identity.to_public()]), reader), writer:
        yield writer


@contextmanager
def decrypted(archive: IO[bytes], passphrase: str) -> Iterator[IO[bytes]]:
    """Yield the content of an encrypted archive, read from behind its magic.

    Raises RestoreRefused for a wrong passphrase, DamagedBackup for an altered or incomplete archive.
    """
    identity = _identity(archive, passphrase)
    reader, writer = _pipe()
    try:
        with _running(lambda: pyrage.decrypt_io(archive, writer, [identity]), writer), reader:
            yield reader
    except (pyrage.DecryptError, OSError) as error:
        raise DamagedBackup(_("The encrypted archive is altered or incomplete.")) from error


def _identity(archive: IO[bytes], passphrase: str) -> pyrage.x25519.Identity:
    key = archive.read(int.from_bytes(archive.read(LENGTH_BYTES), "big"))
    try:
        return pyrage.x25519.Identity.from_str(pyrage_passphrase.decrypt(key, passphrase).decode())
    except pyrage.DecryptError as error:
        raise RestoreRefused(
            _("The passphrase does not open this archive, or its header is altered.")
        ) from error


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    read_end, write_end = os.pipe()
    return os.fdopen(read_end, "rb"), os.fdopen(write_end, "wb")


@contextmanager
def _running(work: Callable[[], None], end: IO[bytes]) -> Iterator[None]:
    """Run one side of a pipe in a thread, close its `end`, and raise its error after the other side."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with end:
                work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        if errors and not isinstance(errors[0], BrokenPipeError):
            raise errors[0]
