"""Scanning a collection, and discarding scans."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.files import delete_folders
from diagnostics.imports import scan, staging
from diagnostics.imports.errors import ImportAlreadyStarted, UnknownCollection
from diagnostics.imports.models import Import, ImportedFile, Stage
from diagnostics.imports.options import ImportOptions
from diagnostics.imports.scan import ScanResult
from diagnostics.jobs.models import JobStatus

SCAN_LIFETIME: Final = timedelta(days=7)  # of a scan whose import was not started
ORPHAN_AGE: Final = timedelta(days=1)  # of a staging folder without an import
BATCH_ROWS: Final = 1000
MAX_ATTEMPTS: Final = 5  # at a number that a concurrent scan took


def scan_choice(
    *, name: str, cohen: str = "", options: ImportOptions, site: Site, by: User, now: datetime
) -> Import:
    """Scan one of the collections in the import folder; raises UnknownCollection."""
    path, cohen_path = staging.collection_path(name), staging.collection_path(cohen) if cohen else None
    if path is None or (cohen and cohen_path is None):
        raise UnknownCollection("not_there", _("The collection is no longer in the import folder."))
    return scan_path(
        collection=path, origin=name, cohen=cohen_path, options=options, site=site, by=by, now=now
    )


def scan_path(
    *,
    collection: Path | Iterable[bytes],
    origin: str,
    cohen: Path | None = None,
    options: ImportOptions,
    site: Site,
    by: User,
    now: datetime,
) -> Import:
    """Scan an uploaded ZIP or a path on the server. Never pass a path that a browser sent."""
    require(by, Permission.IMPORT)
    draft = _Draft(uuid.uuid4(), origin, options, site, by, now)
    folder = staging.staging_folder(draft.import_id)
    try:
        folder.mkdir(parents=True)
        path = (
            collection if isinstance(collection, Path) else staging.store_upload(draft.import_id, collection)
        )
        result = scan.scan_collection(path, options, origin=origin, unpack_into=folder, cohen=cohen)
        staging.remove_upload(draft.import_id)
    except OSError as error:
        staging.clear(draft.import_id)
        raise UnknownCollection(
            "storage_full", _("The collection could not be stored. Check the free disk space.")
        ) from error
    except BaseException:
        staging.clear(draft.import_id)
        raise
    # Even if this raises an error, a row may name the folder: only `discard_old_scans` asks and removes it.
    return _store(draft, result)


@transaction.atomic
def discard_scan(*, import_job: Import, by: User) -> None:
    """Delete a scan whose import was not started; raises ImportAlreadyStarted."""
    require(by, Permission.IMPORT)
    deleted, _rows = Import.objects.filter(pk=import_job.pk, stage=Stage.SCANNED).delete()
    if not deleted:
        raise ImportAlreadyStarted(_("This import was started. Its record cannot be discarded."))
    transaction.on_commit(partial(staging.clear, import_job.pk))


def discard_old_scans(*, now: datetime) -> int:
    """Delete scans that were not followed by an import, and orphaned staging folders; return how many."""
    expired = now - SCAN_LIFETIME
    discarded = 0
    for import_job in Import.objects.filter(stage=Stage.SCANNED, queued_at__lt=expired):
        rows, _by_table = Import.objects.filter(pk=import_job.pk, stage=Stage.SCANNED).delete()
        discarded += bool(rows)
    return discarded + sweep_staging(older_than=ORPHAN_AGE, now=now)


def sweep_staging(*, older_than: timedelta, now: datetime) -> int:
    """Delete old staging folders of no import, or of one that ended long ago; return how many."""
    old = staging.old_folders(older_than, now=now)
    # Asked after the folders were found old: the row of an import follows its folder within minutes.
    active = Import.objects.exclude(finished_at__lt=now - SCAN_LIFETIME)
    named = {str(pk) for pk in active.values_list("pk", flat=True)} if old else set()
    return delete_folders(folder for folder in old if folder.name not in named)


@dataclass(frozen=True)
class _Draft:
    """The columns of a new import that the scan does not determine."""

    import_id: uuid.UUID
    origin: str
    options: ImportOptions
    site: Site
    by: User
    now: datetime


def _store(draft: _Draft, result: ScanResult) -> Import:
    for attempt in range(MAX_ATTEMPTS):
        try:
            return _create(draft, result)
        except IntegrityError:  # a concurrent scan took the number
            if attempt == MAX_ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


@transaction.atomic
def _create(draft: _Draft, result: ScanResult) -> Import:
    last = Import.objects.aggregate(last=Max("number"))["last"] or 0
    import_job = Import.objects.create(
        id=draft.import_id,
        number=last + 1,
        status=JobStatus.DONE,
        requested_by=draft.by,
        site=draft.site,
        origin=draft.origin[:255],
        base_folder=str(result.base_folder),
        options=draft.options.as_json(),
        collection=result.collection,
        importer=result.importer,
        provenance=result.provenance,
        exclusions=result.exclusions,
        queued_at=draft.now,
        finished_at=draft.now,
    )
    for file in result.files:
        file.import_job = import_job
    ImportedFile.objects.bulk_create(result.files, batch_size=BATCH_ROWS)
    return import_job
