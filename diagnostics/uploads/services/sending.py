"""Sending: a checked row becomes a case through the admission of radiographs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.cases import upload_validation
from diagnostics.cases.errors import IdentityMismatch, ServerBusy, StorageUnavailable, UnusableRadiograph
from diagnostics.cases.identity import Decision
from diagnostics.cases.services import admission
from diagnostics.cases.services.admission import AdmittedCase
from diagnostics.cases.upload_validation import UploadFields
from diagnostics.errors import DomainError
from diagnostics.uploads import identity, storage
from diagnostics.uploads.errors import FileGone
from diagnostics.uploads.models import StagedStatus, StagedUpload
from diagnostics.uploads.services import checking, editing


def send(*, upload: StagedUpload, typed: Mapping[str, str], by: User, now: datetime) -> StagedUpload:
    """Open the case of a row, once; a refusal is stored in the row, and stops no other row.

    Raises NotAllowed, ServerBusy, StorageUnavailable: the same request may be repeated.
    """
    require(by, Permission.UPLOAD)
    try:
        with transaction.atomic():
            if upload.lock() and upload.status in (StagedStatus.SENT, StagedStatus.REFUSED):
                return upload
            fields = editing.apply(upload, typed)
        with upload_validation.decoding_slot():
            admitted = _open_case(upload, fields, by=by, now=now)
    except (ServerBusy, StorageUnavailable):
        raise
    except (UnusableRadiograph, FileGone) as error:
        checking.refuse(upload, error.code, str(error))
    except IdentityMismatch:
        pass  # the row shows the contradictions and asks for a decision
    except DomainError as error:
        upload.problem_code, upload.problem = error.code, str(error)[:300]
        upload.write("problem_code", "problem")
    else:
        _mark_sent(upload, admitted)
    return upload


def _open_case(upload: StagedUpload, fields: UploadFields, *, by: User, now: datetime) -> AdmittedCase:
    reason = upload.mismatch_reason
    return admission.open_case(
        radiograph=checking.read(upload),
        patient_ref=fields.patient_ref,
        accession_number=fields.accession_number,
        view=fields.view,
        priority=fields.priority,
        details=identity.details_of(identity.typed_values(upload)),
        decision=Decision(use="form", reason=reason) if reason else None,
        by=by,
        now=now,
    )


@transaction.atomic
def _mark_sent(upload: StagedUpload, admitted: AdmittedCase) -> None:
    if upload.lock() and upload.status == StagedStatus.SENT:  # by another request
        return
    upload.status, upload.case, upload.opened_case = StagedStatus.SENT, admitted.case, admitted.created
    upload.problem_code = upload.problem = ""
    upload.write("status", "case", "opened_case", "problem_code", "problem")
    storage.remove_original(upload.pk)
