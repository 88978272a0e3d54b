"""Changes of rows by their owner: typed fields, removal, and the end of a row's time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.cases import upload_validation
from diagnostics.cases.upload_validation import UploadFields
from diagnostics.files import delete, delete_folders
from diagnostics.uploads import identity, selectors, storage
from diagnostics.uploads.errors import AlreadySent
from diagnostics.uploads.models import StagedStatus, StagedUpload


@transaction.atomic
def edit(*, upload: StagedUpload, typed: Mapping[str, str], by: User) -> StagedUpload:
    """Store typed fields of a row; raises NotAllowed, AlreadySent, InvalidField."""
    require(by, Permission.UPLOAD)
    if upload.lock() and upload.status == StagedStatus.SENT:
        raise AlreadySent(_("This radiograph is sent. Open its case to change it."))
    apply(upload, typed)
    return upload


def apply(upload: StagedUpload, typed: Mapping[str, str]) -> UploadFields:
    """Store typed fields of a row, and return all its fields; raises InvalidField.

    A reason why the typed fields are right holds for these fields only: other ones need another reason.
    """
    before = identity.typed_values(upload)
    values = before | {name: typed[name].strip() for name in identity.FIELDS if name in typed}
    fields = identity.validated(values)
    if "mismatch_reason" in typed:
        upload.mismatch_reason = upload_validation.checked_reason(typed["mismatch_reason"])
    elif values != before:
        upload.mismatch_reason = ""
    if values != before and upload.status == StagedStatus.CHECKED:
        upload.problem_code = upload.problem = ""  # of an attempt with the earlier fields
    for name in identity.COLUMNS:
        setattr(upload, name, values[name])
    upload.details = {name: values[name] for name in identity.DETAILS if values[name]}
    upload.write(*identity.COLUMNS, "details", "mismatch_reason", "problem_code", "problem")
    return fields


def remove(*, uploads: QuerySet[StagedUpload]) -> int:
    """Delete rows with their files; the cases of sent ones stay. Return how many."""
    with transaction.atomic():
        ids = list(uploads.select_for_update().values_list("pk", flat=True))
        StagedUpload.objects.filter(pk__in=ids).delete()
        for pk in ids:
            transaction.on_commit(partial(storage.remove, pk))
    return len(ids)


def sweep(*, older_than: timedelta, now: datetime) -> int:
    """Delete expired rows, and old files that no row names; return how many files and rows."""
    deleted = remove(uploads=selectors.expired(now=now))
    old = storage.old_staged_files(older_than, now=now)
    # Asked after the files were found old: a row follows its file within seconds.
    ids = [pk for pk in map(storage.upload_of, old) if pk]
    named = set(StagedUpload.objects.filter(pk__in=ids).values_list("pk", flat=True))
    orphans = [file for file in old if storage.upload_of(file) not in named]
    folders = storage.old_unpacking_folders(older_than, now=now)
    return deleted + delete(orphans) + delete_folders(folders)
