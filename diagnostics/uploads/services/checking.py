"""Checking a staged file at once: header, thumbnail, quality gate, or the reason why it is no radiograph."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.cases import metrics, upload_validation
from diagnostics.cases import selectors as cases
from diagnostics.cases.errors import StorageUnavailable, UnusableRadiograph
from diagnostics.uploads import storage
from diagnostics.uploads.errors import FileGone
from diagnostics.uploads.identity import header_column, header_of
from diagnostics.uploads.models import StagedStatus, StagedUpload
from diagnostics.uploads.policy import DUPLICATE, THUMBNAIL_SIDE
from ml.images.png import display_png
from ml.images.quality_gate import stop_code
from ml.records import DecodedRadiograph

FILLED: Final = (
    "header",
    "quality_code",
    "patient_ref",
    "accession_number",
    "view",
    "status",
    "problem_code",
    "problem",
)


def check(*, upload: StagedUpload) -> StagedUpload:
    """Decode a received file and fill its row; a file that is no radiograph is refused and deleted.

    A row that was checked before stays as it is. Raises ServerBusy, StorageUnavailable.
    """
    if upload.status != StagedStatus.RECEIVED:
        return upload
    try:
        upload_validation.check_file_size(upload.size)
        # The slot bounds the memory of all uploads: it is held while the file and its pixels are in memory.
        with upload_validation.decoding_slot():
            decoded = metrics.decode_upload(read(upload))
            storage.store_thumbnail(upload.pk, display_png(decoded, longest=THUMBNAIL_SIDE))
            _fill(upload, decoded)
    except (UnusableRadiograph, FileGone) as error:
        refuse(upload, error.code, str(error))
    except OSError as error:
        raise StorageUnavailable(_("The storage is full. Check the list again later.")) from error
    return upload


def read(upload: StagedUpload) -> bytes:
    """Return the file of an upload; raises FileGone."""
    try:
        return storage.read(upload.pk)
    except FileNotFoundError as error:
        raise FileGone(
            _("The file is no longer on the server. Please remove the row and choose the file again.")
        ) from error


@transaction.atomic
def refuse(upload: StagedUpload, code: str, message: str) -> None:
    """Mark an upload as no readable radiograph and delete its file, unless another request has sent it."""
    if upload.lock() and upload.status == StagedStatus.SENT:
        return
    upload.status, upload.problem_code, upload.problem = StagedStatus.REFUSED, code, message[:300]
    upload.write("status", "problem_code", "problem")
    storage.remove_original(upload.pk)


@transaction.atomic
def _fill(upload: StagedUpload, decoded: DecodedRadiograph) -> None:
    # While the file was decoded, its user may have typed fields, sent the row, or removed it.
    if not upload.lock() or upload.status != StagedStatus.RECEIVED:
        return
    header = header_of(decoded)
    upload.header = header_column(header)
    upload.quality_code = (
        stop_code(decoded.grey, colour=decoded.colour, view=decoded.view, age=decoded.age) or ""
    )
    upload.patient_ref = upload.patient_ref or header.patient_ref
    upload.accession_number = upload.accession_number or header.accession_number
    upload.view = upload.view or header.view
    upload.status = StagedStatus.CHECKED
    if cases.case_with_same_pixels(site_id=upload.site_id, pixel_sha256=decoded.pixel_sha256):
        upload.problem_code = DUPLICATE
        upload.problem = _("This radiograph already has a case: sending it opens no second one.")
    upload.write(*FILLED)
