"""Missing or damaged files of a radiograph, written again from an upload of the same pixels."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import file_damage, selectors, storage
from diagnostics.cases.errors import StorageUnavailable
from diagnostics.cases.models import Case, Radiograph
from diagnostics.stores.base import StoredFile, problem_of
from ml.records import DecodedRadiograph

logger = logging.getLogger(__name__)


def restore(case: Case, *, upload: bytes, decoded: DecodedRadiograph, by: User, now: datetime) -> None:
    """Write the files of a case's radiograph and of its control copies again where one is damaged.

    The upload has the pixels of the radiograph; its file may be another. Raises StorageUnavailable.
    """
    for radiograph in selectors.radiographs_with_pixels_of(case.radiograph):
        try:
            damaged = _damaged_files(radiograph)
            if damaged:
                _restore(radiograph, damaged, upload=upload, decoded=decoded, by=by, now=now)
        except OSError as error:
            logger.error(
                "the files of radiograph %s could not be restored: %s", radiograph.pk, error.strerror
            )
            raise StorageUnavailable(
                _(
                    "The radiograph is stored already, but its files are damaged and could not be restored. "
                    "Please inform an administrator."
                )
            ) from error


def _damaged_files(radiograph: Radiograph) -> list[StoredFile]:
    return [file for file in selectors.files_of_radiograph(radiograph) if problem_of(file)]


@transaction.atomic
def _restore(
    radiograph: Radiograph,
    damaged: Sequence[StoredFile],
    *,
    upload: bytes,
    decoded: DecodedRadiograph,
    by: User,
    now: datetime,
) -> None:
    locked = Radiograph.objects.select_for_update().filter(pk=radiograph.pk)
    assert locked.exists()  # takes the lock: two uploads must not mix their files and checksums
    names = storage.radiograph_files(radiograph.pk)
    checksums = storage.restore_radiograph(names, original=upload, radiograph=decoded)
    locked.update(**asdict(checksums), depth_sha256="", thumbnail_sha256="")
    file_damage.mark_restored(
        radiograph.case, kinds=("original", "display", "grey", "depth", "thumbnail"), now=now
    )
    audit.record(
        action=Action.FILES_RESTORED,
        by=by,
        target=radiograph.case,
        detail={"files": [file.kind for file in damaged]},
        now=now,
    )
