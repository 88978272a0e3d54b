"""What a worker does with one import: claim, bring films in for a few seconds, put down or finish.

Films that wait for their answer come first: as soon as there is one, the import is put down after the film in
hand. So it needs no worker of its own and nobody waits longer than one film takes to store.
"""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import OperationalError, transaction
from django.utils import timezone

from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.base import DomainError, Status, Trouble, trouble_code
from diagnostics.cases import services as cases
from diagnostics.cases.models import Prediction
from diagnostics.cases.refusals import IncompleteOrder, StorageTrouble, UnusableFilm
from diagnostics.cases.services import Opened
from diagnostics.exchange import failures, selectors, shelf
from diagnostics.exchange.models import Ending, Import, ImportedFile, ImportedLabel

SLICE: Final = 10.0  # seconds
KNOCK_AFTER: Final = timedelta(seconds=30)  # then the clock knocks in case our own knock was lost

Clock = Callable[[], datetime]
logger = logging.getLogger(__name__)


class LeaseLost(Exception):
    """Another worker has the import now; the film in hand is not kept."""


@dataclass(frozen=True)
class Hold:
    """One claimed import."""

    importing: Import
    token: uuid.UUID
    clock: Clock

    def check(self) -> None:
        """Prolong the lease; raises LeaseLost when the import was taken away."""
        lease, now = settings.IMPORT_LEASE, self.clock()
        if not Import.renew(self.importing.pk, token=self.token, lease=lease, now=now):
            raise LeaseLost

    def stop_asked(self) -> bool:
        """Say whether a person wants the import to end."""
        return Import.objects.filter(pk=self.importing.pk, stop_asked=True).exists()


def carry_on(import_id: uuid.UUID, *, clock: Clock = timezone.now, seconds: float = SLICE) -> bool:
    """Bring in films for so many seconds, one at least; says whether there are more to bring."""
    token = Import.claim(import_id, worker=_worker(), lease=settings.IMPORT_LEASE, now=clock())
    if token is None:
        return False
    importing = Import.objects.select_related("site", "asked_by").get(pk=import_id)
    hold = Hold(importing, token, clock)
    try:
        return _work(hold, until=time.monotonic() + seconds)
    except LeaseLost:
        logger.warning("import %s was taken away", import_id)
    except OperationalError:
        logger.warning("the database is away: import %s comes back when its lease ends", import_id)
    except Exception as error:
        _fail(hold, _code(error))
    return False


def _work(hold: Hold, *, until: float) -> bool:
    if not Path(hold.importing.base).is_dir():
        raise Trouble("collection_gone")
    while not hold.stop_asked():
        file = selectors.waiting(hold.importing).order_by("place").first()
        if file is None:
            return _finish(hold)
        _bring_in(hold, file)
        if time.monotonic() >= until or _somebody_waits():
            return _put_down(hold)
    return _finish(hold)


def _bring_in(hold: Hold, file: ImportedFile) -> None:
    try:
        cases.bring_in(
            radiograph=shelf.read(Path(hold.importing.base), file.path),
            film_id=file.pk,
            patient_ref=file.patient_ref,
            view=file.view,
            site=hold.importing.site,
            by=hold.importing.asked_by,
            note=partial(_note, hold, file),
            now=hold.clock(),
        )
    except (shelf.Missing, UnusableFilm, IncompleteOrder) as trouble:
        _refuse(hold, file, trouble.code)


def _note(hold: Hold, file: ImportedFile, opened: Opened) -> None:
    hold.check()
    ending = Ending.OPENED if opened.created else Ending.LINKED
    ImportedFile.objects.filter(pk=file.pk).update(ending=ending, case=opened.case)
    ImportedLabel.objects.create(
        case=opened.case,
        finding=file.finding,
        collection=hold.importing.collection,
        source=file.source,
        importing=hold.importing,
        file=file,
        opened_case=opened.created,
        imported_at=hold.clock(),
    )


@transaction.atomic
def _refuse(hold: Hold, file: ImportedFile, code: str) -> None:
    hold.check()
    ImportedFile.objects.filter(pk=file.pk).update(ending=Ending.REFUSED, code=code)


def _somebody_waits() -> bool:
    return Prediction.objects.filter(status=Status.QUEUED).exists()


def _put_down(hold: Hold) -> bool:
    knock_at = hold.clock() + KNOCK_AFTER
    return Import.put_down(hold.importing.pk, token=hold.token, knock_at=knock_at)


@transaction.atomic
def _finish(hold: Hold) -> bool:
    now, endings = hold.clock(), selectors.endings(hold.importing)
    if not Import.finish(hold.importing.pk, token=hold.token, now=now):
        raise LeaseLost
    detail = {"number": hold.importing.number} | endings
    audit.record(action=Action.IMPORT_FINISHED, by=None, target=hold.importing, detail=detail, now=now)
    if not endings[Ending.WAITING]:  # after a stop somebody may go on with what was unpacked
        transaction.on_commit(partial(shelf.clear, hold.importing.pk))
    return False


@transaction.atomic
def _fail(hold: Hold, code: str) -> None:
    logger.error("import %s failed: %s", hold.importing.pk, code, exc_info=True)
    now, text = hold.clock(), failures.sentence(code)
    if Import.fail(hold.importing.pk, token=hold.token, code=code, text=text, now=now):
        detail = {"number": hold.importing.number, "code": code}
        audit.record(action=Action.IMPORT_FAILED, by=None, target=hold.importing, detail=detail, now=now)


def _code(error: Exception) -> str:
    if isinstance(error, StorageTrouble):
        return "no_room"
    return error.code if isinstance(error, DomainError) else trouble_code(error)


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"[:100]
