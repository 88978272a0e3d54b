"""Admission of radiographs: an upload or an imported file becomes a case."""

from __future__ import annotations

import logging
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics import disk
from diagnostics.accounts import selectors as accounts
from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import identity, metrics, selectors, storage, upload_validation
from diagnostics.cases.deadlines import due_at
from diagnostics.cases.errors import RadiographOfAnotherPatient, StorageUnavailable
from diagnostics.cases.identity import Contradiction, Decision, Identity
from diagnostics.cases.models import PRIORITY_RANK, Case, Prediction, Priority, Radiograph
from diagnostics.cases.services import admitted_identity, restore_files, retry
from diagnostics.cases.services.enqueue import enqueue_prediction_on_commit
from diagnostics.cases.upload_validation import NO_DETAILS, Details, UploadFields
from ml.records import DecodedRadiograph

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AdmittedCase:
    """The case of an upload, and whether the upload opened it."""

    case: Case
    created: bool


def open_case(
    *,
    radiograph: bytes,
    patient_ref: str = "",
    accession_number: str = "",
    view: str = "",
    priority: str = Priority.ROUTINE,
    details: Details = NO_DETAILS,
    decision: Decision | None = None,
    site: Site | None = None,
    by: User,
    now: datetime,
) -> AdmittedCase:
    """Create a case of a radiograph and queue its prediction; a radiograph that has a case keeps it.

    Patient and study come from the file; the fields fill what it leaves empty. Where they contradict,
    `decision` says which one is right. Without `site` it is the site of the user's uploads. Raises
    NotAllowed, InvalidField, IdentityMismatch, UnusableRadiograph, RadiographOfAnotherPatient,
    CaseWithdrawn, StorageUnavailable.
    """
    require(by, Permission.UPLOAD)
    fields = upload_validation.validated_fields(
        patient_ref=patient_ref,
        accession_number=accession_number,
        view=view,
        priority=priority,
        details=details,
    )
    site = site or accounts.home_site(by)
    decoded = metrics.decode_upload(radiograph)
    upload = _resolved(radiograph, decoded, fields, decision)
    existing = selectors.case_with_same_pixels(site_id=site.pk, pixel_sha256=decoded.pixel_sha256)
    if existing is not None:
        return _existing_case(existing, upload, by=by, now=now)
    return _new_case(upload, site=site, by=by, now=now)


@dataclass(frozen=True)
class Upload:
    """A decoded upload with its identity, and how contradictions between form and file were decided."""

    content: bytes
    decoded: DecodedRadiograph
    identity: Identity
    priority: Priority = Priority.ROUTINE
    is_import: bool = False  # its file names no patient: collections hold pseudonyms
    decision: Decision | None = None
    decided: tuple[Contradiction, ...] = ()


@dataclass(frozen=True)
class StoredRadiograph:
    """A decoded radiograph of an import whose files are stored; it has no case yet."""

    row: Radiograph | None  # None: a case of the site holds the same pixels
    upload: Upload
    pixel_sha256: str
    site: Site
    by: User


def store_imported(
    *, radiograph: bytes, patient_ref: str, view: str = "", site: Site, by: User, now: datetime
) -> StoredRadiograph:
    """Decode and store a radiograph that comes with its finding; call `admit_imported` with the result."""
    require(by, Permission.IMPORT)
    fields = upload_validation.validated_fields(
        patient_ref=patient_ref, accession_number="", view=view, priority=Priority.ROUTINE
    )
    if not fields.patient_ref:
        raise upload_validation.patient_ref_missing()
    decoded = upload_validation.decode_upload(radiograph)
    upload = Upload(radiograph, decoded, _of_collection(fields, decoded), is_import=True)
    existing = selectors.case_with_same_pixels(site_id=site.pk, pixel_sha256=decoded.pixel_sha256)
    if existing is not None:
        restore_files.restore(existing, upload=radiograph, decoded=decoded, by=by, now=now)
        return StoredRadiograph(None, upload, decoded.pixel_sha256, site, by)
    return StoredRadiograph(_stored_row(upload), upload, decoded.pixel_sha256, site, by)


def admit_imported(stored: StoredRadiograph, *, now: datetime) -> AdmittedCase:
    """Create the case of a stored radiograph, without a prediction; a radiograph that has a case keeps it.

    Runs in the caller's transaction. The audit records the import as a whole, not each of its cases.
    """
    try:
        with transaction.atomic():
            if stored.row is not None:
                site, by = stored.site, stored.by
                case = _create_case(stored.row, stored.upload, site=site, by=by, now=now)
                return AdmittedCase(case, created=True)
    except IntegrityError:  # another request has admitted the same pixels since they were stored
        logger.info("an imported radiograph was admitted by another request")
    return AdmittedCase(_case_with_pixels_of(stored), created=False)


def _case_with_pixels_of(stored: StoredRadiograph) -> Case:
    existing = selectors.case_with_same_pixels(site_id=stored.site.pk, pixel_sha256=stored.pixel_sha256)
    if existing is None:
        raise LookupError("the case with these pixels no longer exists")
    return existing


def _new_case(upload: Upload, *, site: Site, by: User, now: datetime) -> AdmittedCase:
    # From the insert on, a row may name the files, even when an error is raised: only the sweeper, which asks
    # the database, may remove them (docs/adr/0016-files-belong-to-rows.md).
    row = _stored_row(upload)
    try:
        case = _admit(row, upload, site=site, by=by, now=now)
    except IntegrityError:
        # A concurrent upload has admitted the same radiograph.
        pixel_sha256 = upload.decoded.pixel_sha256
        existing = selectors.case_with_same_pixels(site_id=site.pk, pixel_sha256=pixel_sha256)
        if existing is None:
            raise
        return _existing_case(existing, upload, by=by, now=now)
    return AdmittedCase(case=case, created=True)


def _resolved(
    content: bytes, decoded: DecodedRadiograph, fields: UploadFields, decision: Decision | None
) -> Upload:
    """Return an upload with its patient and study; raises IdentityMismatch, InvalidField."""
    found, decided = identity.resolved(fields, decoded.header, decision)
    if not found.patient_ref:
        raise upload_validation.patient_ref_missing()
    return Upload(content, decoded, found, fields.priority, decision=decision, decided=decided)


def _of_collection(fields: UploadFields, decoded: DecodedRadiograph) -> Identity:
    """Return the identity of a file of a collection: what its list states, and no identifier of the file."""
    stated = identity.resolved(fields, None, None)[0]
    view, study_at = fields.view or decoded.view, decoded.study_at
    return replace(stated, view=view, sex=decoded.sex, age=decoded.age, study_at=study_at)


def _existing_case(case: Case, upload: Upload, *, by: User, now: datetime) -> AdmittedCase:
    if case.patient_ref == upload.identity.patient_ref:
        retry.require_not_withdrawn(case)
        restore_files.restore(case, upload=upload.content, decoded=upload.decoded, by=by, now=now)
        return AdmittedCase(case=case, created=False)
    # Recorded although the upload is refused; the message reveals nothing about the other patient.
    audit.record(action=Action.PATIENT_CONFLICT_FOUND, by=by, target=case, now=now)
    raise RadiographOfAnotherPatient(
        _(
            "This radiograph is already stored under another patient reference. Nothing was stored: "
            "please compare the reference with the radiograph."
        )
    )


def _stored_row(upload: Upload) -> Radiograph:
    """Store the files of a new radiograph and return its row, not yet saved; raises StorageUnavailable."""
    if not disk.has_room():
        raise StorageUnavailable(
            _("The storage is full; nothing was saved. Upload the radiograph again when there is space.")
        )
    radiograph_id = uuid.uuid4()
    names, decoded = storage.radiograph_files(radiograph_id), upload.decoded
    try:
        checksums = storage.store_radiograph(names, original=upload.content, radiograph=decoded)
    except OSError as error:
        logger.error("a radiograph could not be stored: %s", error.strerror)
        raise StorageUnavailable(
            _("The radiograph could not be stored; nothing was saved. Please inform an administrator.")
        ) from error
    return Radiograph(
        id=radiograph_id,
        original=names.original,
        display=names.display,
        **asdict(checksums),
        pixel_sha256=decoded.pixel_sha256,
        width=decoded.width,
        height=decoded.height,
        bits=decoded.bits,
        source_format=decoded.source_format,
        view=upload.identity.view,
        sex=upload.identity.sex,
        age=upload.identity.age,
        study_at=upload.identity.study_at,
        colour=decoded.colour,
        **_study_columns(upload),
    )


def _study_columns(upload: Upload) -> dict[str, str]:
    """Return what the header states of study and device; the UIDs of a collection are not the hospital's."""
    header = upload.decoded.header or identity.NO_HEADER
    names = ["modality", "body_part", "laterality", "device"]
    if not upload.is_import:
        names += ["study_uid", "series_uid", "sop_instance_uid", "institution"]
    return {name: getattr(header, name) for name in names}


@transaction.atomic
def _admit(row: Radiograph, upload: Upload, *, site: Site, by: User, now: datetime) -> Case:
    case = _create_case(row, upload, site=site, by=by, now=now)
    prediction = Prediction.objects.create(case=case, queued_at=now)
    audit.record(action=Action.CASE_OPENED, by=by, target=case, now=now)
    if upload.decision is not None and upload.decided:
        admitted_identity.record_choice(case, upload.decision, upload.decided, by=by, now=now)
    admitted_identity.record_identity(case, upload.identity, by=by, now=now)
    enqueue_prediction_on_commit(prediction.pk, upload.priority)
    return case


def _create_case(row: Radiograph, upload: Upload, *, site: Site, by: User, now: datetime) -> Case:
    case = Case.objects.create(
        site=site,
        patient_ref=upload.identity.patient_ref,
        accession_number=upload.identity.accession_number,
        referrer=upload.identity.referrer,
        clinical_question=upload.identity.clinical_question,
        priority=upload.priority,
        priority_rank=PRIORITY_RANK[upload.priority],
        opened_by=by,
        opened_at=now,
        due_at=due_at(site, upload.priority, now),
        on_worklist=not upload.is_import,
    )
    row.case, row.site = case, site
    row.save(force_insert=True)
    _require_recent_files(row)
    return case


def _require_recent_files(row: Radiograph) -> None:
    names = storage.radiograph_files(row.pk)
    try:
        storage.require_recent(names.original, names.display, names.grey, now=timezone.now())
    except OSError as error:
        raise StorageUnavailable(
            _("The upload was interrupted for too long; nothing was saved. Please upload it again.")
        ) from error
