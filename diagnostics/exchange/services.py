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
from diagnostics.accounts.roles import May
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.base import OPEN, NotAllowed, Status
from diagnostics.exchange import looking, recovery, selectors, shelf
from diagnostics.exchange.knocking import knock_on_commit
from diagnostics.exchange.looking import Found
from diagnostics.exchange.models import Import, ImportedFile, Step
from diagnostics.exchange.refusals import (
    AlreadyBegun,
    AlreadyUnderWay,
    NoCollection,
    NothingWaits,
    NotUnderWay,
)
from diagnostics.exchange.wishes import Wishes

FORGOTTEN_AFTER: Final = timedelta(days=7)  # a look that nobody has followed up
ROWS_AT_A_TIME: Final = 1000
TRIES: Final = 5  # for a number that somebody else took in the same moment


def look_at_choice(
    *, name: str, cohen: str = "", wishes: Wishes, site: Site, by: User, now: datetime
) -> Import:
    """Look through one of the collections in the folder for imports; raises NoCollection."""
    place, known = shelf.chosen(name), shelf.chosen(cohen) if cohen else None
    if place is None or (cohen and known is None):
        raise NoCollection("not_there", _("This is not in the folder for imports any more."))
    return look_at(collection=place, origin=name, cohen=known, wishes=wishes, site=site, by=by, now=now)


def look_at(
    *,
    collection: Path | Iterable[bytes],
    origin: str,
    cohen: Path | None = None,
    wishes: Wishes,
    site: Site,
    by: User,
    now: datetime,
) -> Import:
    """Look through an uploaded ZIP or a place on the server, which never comes from a browser as it is."""
    _require(by)
    import_id = uuid.uuid4()
    room = shelf.room(import_id)
    try:
        room.mkdir(parents=True)
        place = collection if isinstance(collection, Path) else shelf.keep_upload(import_id, collection)
        found = looking.look(place, wishes, origin=origin, unpack_into=room, cohen=cohen)
        shelf.forget_upload(import_id)
        return _keep(import_id, found, origin, wishes, site=site, by=by, now=now)
    except OSError as trouble:
        shelf.clear(import_id)
        raise NoCollection("no_room", _("The collection could not be stored. Look at the disk.")) from trouble
    except BaseException:
        shelf.clear(import_id)
        raise


@transaction.atomic
def bring_in(*, importing: Import, by: User, now: datetime) -> None:
    """Bring in the films that wait, at first or after a stop or a failure."""
    _require(by)
    if not selectors.waiting(importing).exists():
        raise NothingWaits(_("No film of this import waits any more."))
    queued = Import.objects.filter(pk=importing.pk).exclude(status__in=OPEN)
    if not queued.update(
        step=Step.BRING_IN,
        status=Status.QUEUED,
        attempts=0,
        stop_asked=False,
        queued_at=now,
        finished_at=None,
        lease_until=None,
        failure_code="",
        failure_text="",
    ):
        raise AlreadyUnderWay(_("This import is under way already."))
    detail = {"number": importing.number, "collection": importing.collection, "kind": importing.kind}
    audit.record(action=Action.IMPORT_STARTED, by=by, target=importing, detail=detail, now=now)
    knock_on_commit(importing.pk)


@transaction.atomic
def stop(*, importing: Import, by: User, now: datetime) -> None:
    """Ask an import to stop after the present film; what has come in stays."""
    _require(by)
    if not Import.objects.filter(pk=importing.pk, status__in=OPEN, stop_asked=False).update(stop_asked=True):
        importing.refresh_from_db()
        if importing.status in OPEN:
            return  # asked before: once is enough
        raise NotUnderWay(_("This import is not under way."))
    detail = {"number": importing.number}
    audit.record(action=Action.IMPORT_STOPPED, by=by, target=importing, detail=detail, now=now)
    knock_on_commit(importing.pk)


@transaction.atomic
def discard(*, importing: Import, by: User) -> None:
    """Forget a look of which nothing was brought in."""
    _require(by)
    gone, _rows = Import.objects.filter(pk=importing.pk, step=Step.LOOKED).delete()
    if not gone:
        raise AlreadyBegun(_("This import was begun and stays on record."))
    transaction.on_commit(partial(shelf.clear, importing.pk))


def clear_up(*, now: datetime) -> int:
    """Forget looks that nobody has followed up, and what is unpacked for nobody; says how many."""
    long_ago = now - FORGOTTEN_AFTER
    forgotten = 0
    for importing in Import.objects.filter(step=Step.LOOKED, queued_at__lt=long_ago):
        rows, _by_table = Import.objects.filter(pk=importing.pk, step=Step.LOOKED).delete()
        forgotten += bool(rows)
    kept = Import.objects.exclude(finished_at__lt=long_ago).values_list("pk", flat=True)
    return forgotten + shelf.clear_all_but(set(kept), older_than=now - timedelta(days=1))


def requeue_lost(*, now: datetime) -> int:
    """Queue again the imports whose worker died; the third time they fail with a reason."""
    return recovery.bring_back_lost(now=now)


def _keep(
    import_id: uuid.UUID, found: Found, origin: str, wishes: Wishes, *, site: Site, by: User, now: datetime
) -> Import:
    for attempt in range(TRIES):
        try:
            return _write(import_id, found, origin, wishes, site=site, by=by, now=now)
        except IntegrityError:  # another look took the number
            if attempt == TRIES - 1:
                raise
    raise AssertionError("never here")


@transaction.atomic
def _write(
    import_id: uuid.UUID, found: Found, origin: str, wishes: Wishes, *, site: Site, by: User, now: datetime
) -> Import:
    last = Import.objects.aggregate(last=Max("number"))["last"] or 0
    importing = Import.objects.create(
        id=import_id,
        number=last + 1,
        status=Status.DONE,
        asked_by=by,
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
    ImportedFile.objects.bulk_create(found.files, batch_size=ROWS_AT_A_TIME)
    return importing


def _require(by: User) -> None:
    if not by.may(May.IMPORT):
        raise NotAllowed(_("Your role may not bring collections in."))
