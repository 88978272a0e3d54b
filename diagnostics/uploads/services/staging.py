"""Receiving files: each becomes a row of its user's list and a file in the staging folder."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics import disk
from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.selectors import home_site
from diagnostics.accounts.services import require
from diagnostics.cases.errors import StorageUnavailable
from diagnostics.uploads import selectors, storage
from diagnostics.uploads.errors import ListFull, UnusableArchive
from diagnostics.uploads.models import StagedUpload
from diagnostics.uploads.policy import MAX_ARCHIVE_BYTES, MAX_FILES, MAX_ROWS
from ml.images.size_limits import MAX_FILE_BYTES
from ml.importers import UnreadableCollection, archive

logger = logging.getLogger(__name__)
MAX_NAME: Final = 255  # characters
ARCHIVE: Final = "received.zip"


def stage_file(*, name: str, size: int, chunks: Iterable[bytes], by: User, now: datetime) -> StagedUpload:
    """Add a file to the user's list, not yet checked; raises NotAllowed, ListFull, StorageUnavailable."""
    require(by, Permission.UPLOAD)
    site = home_site(by)
    upload = StagedUpload(id=uuid.uuid4(), owner=by, site=site, name=_shown(name), size=size, staged_at=now)
    _check_limits(by, [size])
    try:
        if size <= MAX_FILE_BYTES:  # a larger one is refused by its size, without its content
            storage.store(upload.pk, chunks)
    except OSError as error:
        raise _not_stored(error) from error
    # From here on only the sweeper, which asks the database, may delete the file.
    return _insert([upload], by)[0]


def stage_archive(
    *, name: str, size: int, chunks: Iterable[bytes], by: User, now: datetime
) -> list[StagedUpload]:
    """Add the files of a ZIP to the user's list, not yet checked; all of them or none.

    Raises NotAllowed, UnusableArchive, ListFull, StorageUnavailable.
    """
    require(by, Permission.UPLOAD)
    site = home_site(by)
    if size > MAX_ARCHIVE_BYTES:
        raise UnusableArchive("zip_too_large", _("The ZIP is larger than 1 GB. Please send it in parts."))
    _check_limits(by, [size])
    try:
        with storage.unpacking_folder() as folder:
            received = folder / ARCHIVE
            _write(received, chunks)
            files = _unpacked(received, folder)
            _check_limits(by, [file.stat().st_size for file in files.values()])
            uploads = [
                _adopted(member, file, site=site, by=by, now=now) for member, file in sorted(files.items())
            ]
    except OSError as error:
        raise _not_stored(error) from error
    return _insert(uploads, by)


def _adopted(member: str, file: Path, *, site: Site, by: User, now: datetime) -> StagedUpload:
    upload = StagedUpload(
        id=uuid.uuid4(), owner=by, site=site, name=_shown(member), size=file.stat().st_size, staged_at=now
    )
    storage.adopt(upload.pk, file)
    return upload


@transaction.atomic
def _insert(uploads: list[StagedUpload], by: User) -> list[StagedUpload]:
    User.objects.select_for_update().get(pk=by.pk)  # two requests of a user must not pass the limit together
    _check_limits(by, [upload.size for upload in uploads])
    return StagedUpload.objects.bulk_create(uploads)


def _check_limits(by: User, sizes: list[int]) -> None:
    if not disk.has_room():
        raise StorageUnavailable(_("The storage is full; nothing was saved. Choose the files again later."))
    rows, files, used = selectors.usage(by)
    if files + len(sizes) > MAX_FILES or rows + len(sizes) > MAX_ROWS:
        text = ngettext(
            "The list may have %(n)d file. Send or remove some, then choose the others again.",
            "The list may have %(n)d files. Send or remove some, then choose the others again.",
            MAX_FILES,
        )
        raise ListFull(text % {"n": MAX_FILES})
    if used + sum(sizes) > settings.STAGING_BYTES:
        limit = settings.STAGING_BYTES / 10**9
        text = _("The list may have %(limit).1f GB of files that are not sent. Send or remove some first.")
        raise ListFull(text % {"limit": limit})


def _write(target: Path, chunks: Iterable[bytes]) -> None:
    with target.open("xb") as file:
        for chunk in chunks:
            file.write(chunk)


def _unpacked(received: Path, folder: Path) -> dict[str, Path]:
    """Return the files of a ZIP by their path in it; raises UnusableArchive, OSError."""
    try:
        root = archive.unpack(received, folder, max_members=MAX_FILES, max_bytes=int(settings.STAGING_BYTES))
    except UnreadableCollection as error:
        raise UnusableArchive(error.code, str(error)) from error
    received.unlink()
    files = {file.relative_to(root).as_posix(): file for file in root.rglob("*") if file.is_file()}
    if not files:
        raise UnusableArchive("zip_empty", _("The ZIP contains no file. Please choose another one."))
    return files


def _shown(name: str) -> str:
    """Return a file's path as the list shows it: printable, without leading folders where it is too long."""
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    text = "".join(letter for letter in "/".join(parts) if letter.isprintable())
    return text[-MAX_NAME:]


def _not_stored(error: OSError) -> StorageUnavailable:
    logger.error("an upload could not be staged: %s", error.strerror)
    return StorageUnavailable(
        _("The file could not be stored; nothing was saved. Please inform an administrator.")
    )
