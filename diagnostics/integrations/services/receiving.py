"""Receiving of DICOM instances: the one way from an entrance of the hospital (STOW, C-STORE) to a case."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import metrics, upload_validation
from diagnostics.cases.errors import ServerBusy, StorageUnavailable
from diagnostics.cases.models import Case, Radiograph
from diagnostics.cases.services import admission, restore_files
from diagnostics.cases.services.retry import require_not_withdrawn
from diagnostics.errors import DomainError, NotAllowed
from diagnostics.integrations.errors.receiving import InstanceReused, NotDicom
from diagnostics.integrations.services import deidentification
from ml.errors import UnreadableImage
from ml.images.dicom_meta import InstanceMeta, read_instance_meta
from ml.images.file_format import detect_format


class Outcome(StrEnum):
    """What became of a received instance."""

    ACCEPTED = "accepted"  # a case was opened
    DUPLICATE = "duplicate"  # the site has it already
    REFUSED = "refused"  # nothing was stored


TEMPORARY: Final = frozenset({StorageUnavailable.code, ServerBusy.code})  # the sender should try again


@dataclass(frozen=True)
class Received:
    """The outcome of one instance; `code` is empty unless it was refused."""

    outcome: Outcome
    code: str
    case: Case | None
    sop_instance_uid: str  # empty where the file names none
    sop_class_uid: str = ""
    message: str = ""  # why it was refused, for a person

    @property
    def is_temporary(self) -> bool:
        """Return whether it was refused for a reason that passes."""
        return self.code in TEMPORARY


def receive_instance(content: bytes, *, site: Site, by: User, source: str, now: datetime) -> Received:
    """Admit a DICOM file at a site, and record from which entrance it came.

    The same SOP instance sent again is the same case, also after a correction of its patient. A file that
    is refused is an outcome with a code, not an error. Raises NotAllowed.
    """
    require(by, Permission.UPLOAD)
    if not by.sites.filter(pk=site.pk).exists():
        raise NotAllowed(_("You are not a member of this site."))
    meta = read_instance_meta(content)
    try:
        received = _admitted(content, meta, site=site, by=by, now=now)
    except DomainError as error:
        received = _refused(error, meta)
    _record(received, site=site, by=by, source=source, now=now)
    return received


def _admitted(content: bytes, meta: InstanceMeta, *, site: Site, by: User, now: datetime) -> Received:
    """Admit a file, de-identified where the site demands it; the outcome names the UIDs of the sender."""
    _require_dicom(content)
    policy = deidentification.policy_of(site)
    if not policy.at_reception:
        return _received(content, meta, site=site, by=by, now=now)
    made = deidentification.deidentify_received(content, metrics.decode_upload(content), policy=policy)
    received = _received(made.content, read_instance_meta(made.content), site=site, by=by, now=now)
    if received.case is not None and received.outcome == Outcome.ACCEPTED:
        deidentification.record_received(made, received.case, by=by, now=now)
    return replace(received, sop_instance_uid=meta.sop_instance_uid, sop_class_uid=meta.sop_class_uid)


def _received(content: bytes, meta: InstanceMeta, *, site: Site, by: User, now: datetime) -> Received:
    known = _radiograph_of(site, meta.sop_instance_uid)
    if known is not None:
        return _sent_again(known, content, meta, by=by, now=now)
    admitted = admission.open_case(radiograph=content, site=site, by=by, now=now)
    outcome = Outcome.ACCEPTED if admitted.created else Outcome.DUPLICATE
    uid = meta.sop_instance_uid or admitted.case.radiograph.sop_instance_uid
    return Received(outcome, "", admitted.case, uid, meta.sop_class_uid)


def _sent_again(
    known: Radiograph, content: bytes, meta: InstanceMeta, *, by: User, now: datetime
) -> Received:
    """Return the case of a known instance; raises CaseWithdrawn, and InstanceReused for other pixels."""
    decoded = metrics.decode_upload(content)
    if decoded.pixel_sha256 != known.pixel_sha256:
        raise InstanceReused(
            _("The site has another radiograph under this SOP instance UID. Nothing was stored.")
        )
    require_not_withdrawn(known.case)
    restore_files.restore(known.case, upload=content, decoded=decoded, by=by, now=now)
    return Received(Outcome.DUPLICATE, "", known.case, known.sop_instance_uid, meta.sop_class_uid)


def _require_dicom(content: bytes) -> None:
    try:
        file_format = detect_format(content)
    except UnreadableImage as error:
        raise upload_validation.unusable_radiograph(error.code, str(error)) from error
    if file_format != "DICOM":
        raise NotDicom(_("The file is not a DICOM file. Nothing was stored."))


def _radiograph_of(site: Site, sop_instance_uid: str) -> Radiograph | None:
    if not sop_instance_uid:
        return None
    found = Radiograph.objects.filter(site=site, sop_instance_uid=sop_instance_uid, is_control_copy=False)
    return found.select_related("case").first()


def _refused(error: DomainError, meta: InstanceMeta) -> Received:
    return Received(Outcome.REFUSED, error.code, None, meta.sop_instance_uid, meta.sop_class_uid, str(error))


def _record(received: Received, *, site: Site, by: User, source: str, now: datetime) -> None:
    """Audit the outcome; the detail holds no identifier of a patient or study."""
    is_refused = received.outcome == Outcome.REFUSED
    audit.record(
        action=Action.INSTANCE_REFUSED if is_refused else Action.INSTANCE_RECEIVED,
        by=by,
        target=received.case or site,
        detail={"source": source, "outcome": received.outcome.value}
        | ({"code": received.code} if is_refused else {}),
        now=now,
    )
