"""De-identification of files at reception and at export, and the policy of a site."""

from __future__ import annotations

import io
import json
import zipfile
from collections import defaultdict
from datetime import datetime
from typing import Any, Final

import pydicom
from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import storage, upload_validation
from diagnostics.cases.models import Case
from diagnostics.cases.services import stored_images
from diagnostics.cases.services.retry import require_not_withdrawn
from diagnostics.errors import NotAllowed
from diagnostics.integrations.dicom_attributes import attributes_of
from diagnostics.integrations.models import DeidentificationPolicy
from diagnostics.integrations.pseudonyms import replacement
from diagnostics.integrations.services.instances import original_header
from diagnostics.patients import selectors as patients
from ml.errors import UnreadableImage
from ml.images import full_depth
from ml.images.decode_in_child import pack_full_depth_in_child
from ml.images.deidentified_file import DeidentifiedFile, deidentified_file
from ml.images.dicom_attributes import read_attributes
from ml.records import DecodedRadiograph

REPORT: Final = "deidentification.json"
IMAGE: Final = "radiograph.dcm"


def policy_of(site: Site) -> DeidentificationPolicy:
    """Return the policy of a site, the default one where none was saved."""
    return DeidentificationPolicy.objects.filter(site=site).first() or DeidentificationPolicy(site=site)


@transaction.atomic
def set_policy(
    *, site: Site, at_reception: bool, shift_dates: bool, black_text: bool, by: User, now: datetime
) -> DeidentificationPolicy:
    """Save the policy of a site for later receptions and exports; raises NotAllowed."""
    require(by, Permission.PRIVACY)
    if not by.sites.filter(pk=site.pk).exists():
        raise NotAllowed(_("You are not a member of this site."))
    values = {"at_reception": at_reception, "shift_dates": shift_dates, "black_text": black_text}
    policy, _created = DeidentificationPolicy.objects.update_or_create(
        site=site, defaults=values | {"changed_by": by, "changed_at": now}
    )
    audit.record(action=Action.DEIDENTIFICATION_CHANGED, by=by, target=site, detail=values, now=now)
    return policy


def export(case: Case, *, by: User, now: datetime) -> bytes:
    """Return a ZIP of a case as a de-identified DICOM file and the report of what was changed.

    Raises NotAllowed, CaseWithdrawn, ImageUnavailable, ServerBusy.
    """
    require(by, Permission.EXPORT)
    require_not_withdrawn(case)
    radiograph, policy = case.radiograph, policy_of(case.site)
    packed = stored_images.packed_bit_depth(radiograph, by=by, now=now)
    header = original_header(radiograph)
    patient = patients.patient_of(case.site, case.patient_ref)
    header.update(attributes_of(radiograph, patient, identifiers=True))
    made = deidentified_file(
        header,
        full_depth.unpack(packed),
        storage.read_grey(storage.radiograph_files(radiograph.pk).grey, radiograph.grey_sha256),
        replacement(case.site_id, case.patient_ref, shift_dates=policy.shift_dates),
        black_text=policy.black_text,
    )
    audit.record(action=Action.DEIDENTIFIED_EXPORTED, by=by, target=case, detail=_summary(made), now=now)
    return _zipped(made)


def deidentify_received(
    content: bytes, decoded: DecodedRadiograph, *, policy: DeidentificationPolicy
) -> DeidentifiedFile:
    """Return a received file that could be decoded without its identity.

    It names the pseudonym in place of the patient, so that a second file belongs to the same patient.
    Raises InvalidField, UnusableRadiograph, ServerBusy.
    """
    try:
        with upload_validation.decoding_slot():
            image = full_depth.unpack(pack_full_depth_in_child(content))
        header = read_attributes(content)
    except UnreadableImage as error:
        raise upload_validation.unusable_radiograph(error.code, str(error)) from error
    reference = decoded.header.patient_id if decoded.header else ""
    if not reference:
        raise upload_validation.patient_ref_missing()
    return deidentified_file(
        header,
        image,
        decoded.grey,
        replacement(policy.site_id, reference, shift_dates=policy.shift_dates),
        black_text=policy.black_text,
    )


def record_received(made: DeidentifiedFile, case: Case, *, by: User, now: datetime) -> None:
    """Audit what was removed from a received file before it became a case."""
    audit.record(action=Action.DEIDENTIFIED_RECEIVED, by=by, target=case, detail=_summary(made), now=now)


def report_of(made: DeidentifiedFile) -> dict[str, Any]:
    """Return what was changed, attribute by attribute; no value of the original."""
    return {
        "profile": str(_method(made.content)),
        "attributes": [
            {"tag": each.tag, "keyword": each.keyword, "action": each.action} for each in made.changes
        ],
        "blacked_out": [vars(each) for each in made.regions],
        "text_may_remain": made.has_known_text,
    }


def _method(content: bytes) -> str:
    return str(pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True).DeidentificationMethod)


def _summary(made: DeidentifiedFile) -> dict[str, Any]:
    """Return the report for the audit log: the attributes by action."""
    by_action: dict[str, list[str]] = defaultdict(list)
    for change in made.changes:
        by_action[change.action.value].append(change.keyword or change.tag)
    return {"attributes": by_action, "blacked_out": len(made.regions)}


def _zipped(made: DeidentifiedFile) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(IMAGE, made.content)
        archive.writestr(REPORT, json.dumps(report_of(made), indent=1))
    return out.getvalue()
