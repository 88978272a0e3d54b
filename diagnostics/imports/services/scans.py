"""What may be done with imports: look a collection through, bring it in, stop, forget."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.imports import scan, staging
from diagnostics.imports.errors import (
    ImportAlreadyStarted,
    UnknownCollection,
)
from diagnostics.imports.models import Import, ImportedFile, Stage
from diagnostics.imports.options import ImportOptions
from diagnostics.imports.scan import ScanResult
from diagnostics.imports.services.permissions import require_import
from diagnostics.jobs.models import JobStatus

SCAN_LIFETIME: Final = timedelta(days=7)  # a look that nobody has followed up
BATCH_ROWS: Final = 1000
MAX_TRIES: Final = 5  # for a number that somebody else took in the same moment


def scan_choice(
    *, name: str, cohen: str = "", wishes: ImportOptions, site: Site, by: User, now: datetime
) -> Import:
    """Look through one of the collections in the folder for imports; raises NoCollection."""
    place, known = staging.chosen(name), staging.chosen(cohen) if cohen else None
    if place is None or (cohen and known is None):
        raise UnknownCollection("not_there", _("This is not in the folder for imports any more."))
    return scan_path(collection=place, origin=name, cohen=known, wishes=wishes, site=site, by=by, now=now)


def scan_path(
    *,
    collection: Path | Iterable[bytes],
    origin: str,
    cohen: Path | None = None,
    wishes: ImportOptions,
    site: Site,
    by: User,
    now: datetime,
) -> Import:
    """Look through an uploaded ZIP or a place on the server, which never comes from a browser as it is."""
    require_import(by)
    import_id = uuid.uuid4()
    room = staging.staging_folder(import_id)
    try:
        room.mkdir(parents=True)
        place = collection if isinstance(collection, Path) else staging.keep_upload(import_id, collection)
        found = scan.scan_collection(place, wishes, origin=origin, unpack_into=room, cohen=cohen)
        staging.forget_upload(import_id)
        return _store(import_id, found, origin, wishes, site=site, by=by, now=now)
    except OSError as trouble:
        staging.clear(import_id)
        raise UnknownCollection(
            "storage_full", _("The collection could not be stored. Look at the disk.")
        ) from trouble
    except BaseException:
        staging.clear(import_id)
        raise


@transaction.atomic
def discard_scan(*, importing: Import, by: User) -> None:
    """Forget a look of which nothing was brought in."""
    require_import(by)
    gone, _rows = Import.objects.filter(pk=importing.pk, step=Stage.LOOKED).delete()
    if not gone:
        raise ImportAlreadyStarted(_("This import was begun and stays on record."))
    transaction.on_commit(partial(staging.clear, importing.pk))


def discard_old_scans(*, now: datetime) -> int:
    """Forget looks that nobody has followed up, and what is unpacked for nobody; says how many."""
    long_ago = now - SCAN_LIFETIME
    forgotten = 0
    for importing in Import.objects.filter(step=Stage.LOOKED, queued_at__lt=long_ago):
        rows, _by_table = Import.objects.filter(pk=importing.pk, step=Stage.LOOKED).delete()
        forgotten += bool(rows)
    kept = Import.objects.exclude(finished_at__lt=long_ago).values_list("pk", flat=True)
    return forgotten + staging.clear_all_but(set(kept), older_than=now - timedelta(days=1))


def _store(
    import_id: uuid.UUID,
    found: ScanResult,
    origin: str,
    wishes: ImportOptions,
    *,
    site: Site,
    by: User,
    now: datetime,
) -> Import:
    for attempt in range(MAX_TRIES):
        try:
            return _create(import_id, found, origin, wishes, site=site, by=by, now=now)
        except IntegrityError:  # another look took the number
            if attempt == MAX_TRIES - 1:
                raise
    raise AssertionError("never here")


@transaction.atomic
def _create(
    import_id: uuid.UUID,
    found: ScanResult,
    origin: str,
    wishes: ImportOptions,
    *,
    site: Site,
    by: User,
    now: datetime,
) -> Import:
    last = Import.objects.aggregate(last=Max("number"))["last"] or 0
    importing = Import.objects.create(
        id=import_id,
        number=last + 1,
        status=JobStatus.DONE,
        requested_by=by,
        site=site,
        origin=origin[:255],
        base=str(found.base),
        wishes=wishes.as_json(),
        collection=found.collection,
        kind=found.kind,
        provenance=found.provenance,
        left_out=found.left_out,
        queued_at=now,
        finished_at=now,
    )
    for file in found.files:
        file.importing = importing
    ImportedFile.objects.bulk_create(found.files, batch_size=BATCH_ROWS)
    return importing
