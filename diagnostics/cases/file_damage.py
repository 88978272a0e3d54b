"""The record of a stored file that was found missing or damaged."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case, DamagedFile
from diagnostics.cases.storage import UnusableFile

logger = logging.getLogger(__name__)


def record(case: Case, kind: str, error: UnusableFile, *, by: User | None, now: datetime) -> None:
    """Record a missing or damaged file of a case once, until it is restored."""
    logger.error("a stored file of case %s is %s: %s", case.pk, error.problem, kind)
    try:
        with transaction.atomic():
            DamagedFile.objects.create(
                case=case, name=error.name, kind=kind, problem=error.problem, found_at=now
            )
            detail = {"file": kind, "problem": str(error.problem)}
            audit.record(action=Action.FILE_DAMAGED, by=by, target=case, detail=detail, now=now)
    except IntegrityError:
        logger.info("the file is recorded already")


def mark_restored(case: Case, *, kinds: Iterable[str], now: datetime) -> None:
    """Record that the files of a case that were missing or damaged are there again."""
    DamagedFile.objects.filter(case=case, kind__in=kinds, restored_at=None).update(restored_at=now)
