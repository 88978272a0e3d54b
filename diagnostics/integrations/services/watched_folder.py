"""Admission of the files of a watched folder: a result for each file, and one bad file stops nothing."""

from __future__ import annotations

import logging
import zipfile
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.cases import upload_validation
from diagnostics.cases.errors import UnusableRadiograph
from diagnostics.cases.services import admission
from diagnostics.errors import DomainError, NotAllowed
from diagnostics.integrations import watched_files
from diagnostics.integrations.watched_files import Claimed, Sizes
from ml.images.size_limits import MAX_FILE_BYTES

logger = logging.getLogger(__name__)
Clock = Callable[[], datetime]
Result = dict[str, Any]
ACCEPTED, PRESENT = "accepted", "already_present"
UNAVAILABLE: Final = 503  # the status of errors that pass
BROKEN_ZIP: Final = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError)


class TryLater(Exception):
    """The file could not be decided now: storage, database, decoder or account."""


def take_all(*, folder: Path, before: Sizes, by: User, clock: Clock) -> Sizes:
    """Admit what an interrupted run has left and the files that have not changed; return what lies there now.

    Raises TryLater; the file in hand is continued by the next call.
    """
    for claimed in watched_files.unfinished(folder):
        _take(folder, claimed, by=by, clock=clock)
    found = watched_files.sizes(folder)
    for path in watched_files.complete(before, found):
        try:
            claimed = watched_files.claim(folder, path)
        except OSError as error:
            logger.error("a file of the watched folder cannot be moved: %s", error.strerror)
            continue
        _take(folder, claimed, by=by, clock=clock)
    return found


def _take(folder: Path, claimed: Claimed, *, by: User, clock: Clock) -> None:
    result = _result(claimed, by=by, clock=clock)
    parts = result.get("files", [result])
    accepted = all(part["code"] in (ACCEPTED, PRESENT) for part in parts)
    watched_files.finish(folder, claimed, accepted=accepted, result=result)
    logger.info("watched folder: %s, %d files", "done" if accepted else "refused", len(parts))


def _result(claimed: Claimed, *, by: User, clock: Clock) -> Result:
    if claimed.is_zip:
        return _zip_result(claimed.path, by=by, clock=clock)
    if claimed.path.stat().st_size > MAX_FILE_BYTES:
        return _refusal(upload_validation.unusable_radiograph("too_large"))
    return _file_result(claimed.path.read_bytes(), claimed.stated, by=by, now=clock())


def _zip_result(path: Path, *, by: User, clock: Clock) -> Result:
    """Return the result of each file of a ZIP, read one after the other."""
    results: list[Result] = []
    try:
        for name, info, archive in watched_files.entries(path):
            results.append({"file": name} | _entry_result(info, archive, by=by, now=clock()))
    except BROKEN_ZIP:  # entries() checks the directory before the first file
        return _refusal(upload_validation.unusable_radiograph("damaged"))
    if not results:
        return _refusal(upload_validation.unusable_radiograph("no_pixels"))
    return {"files": results}


def _entry_result(info: zipfile.ZipInfo, archive: zipfile.ZipFile, *, by: User, now: datetime) -> Result:
    if info.file_size > MAX_FILE_BYTES:
        return _refusal(upload_validation.unusable_radiograph("too_large"))
    try:
        with archive.open(info) as file:
            content = file.read(MAX_FILE_BYTES + 1)
        beside = info.filename + watched_files.FIELDS
        stated = archive.read(beside).decode("utf-8", "replace") if beside in archive.namelist() else ""
    except BROKEN_ZIP:
        return _refusal(upload_validation.unusable_radiograph("damaged"))
    return _file_result(content, stated, by=by, now=now)


def _file_result(content: bytes, stated: str, *, by: User, now: datetime) -> Result:
    """Admit one radiograph and return its result; raises TryLater."""
    try:
        fields: Any = watched_files.fields_of(stated)
        admitted = admission.open_case(radiograph=content, by=by, now=now, **fields)
    except (OperationalError, InterfaceError) as error:
        raise TryLater("the database is unavailable") from error
    except NotAllowed as error:
        raise TryLater(str(error)) from error
    except DomainError as error:
        if error.status == UNAVAILABLE:
            raise TryLater(str(error)) from error
        return _refusal(error)
    except Exception:
        logger.exception("a file of the watched folder was refused after an unexpected error")
        return {
            "code": "internal",
            "text": _("An unexpected error occurred. The log of the host has the details."),
        }
    return {"code": ACCEPTED if admitted.created else PRESENT, "case": str(admitted.case.pk)}


def _refusal(error: DomainError | UnusableRadiograph) -> Result:
    return {"code": error.code, "text": str(error)}
