"""Looking up what is stored about a patient; the audit log names the patient by a digest."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from diagnostics.accounts.models import Site, User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.privacy.selectors import patients
from diagnostics.privacy.services import erasure


@transaction.atomic
def look_up(*, site: Site, patient_ref: str, by: User, now: datetime) -> erasure.Extent:
    """Return what is stored about a patient and record the look-up; raises NotAllowed, UnknownPatient."""
    extent = erasure.preview(site=site, patient_ref=patient_ref, by=by)
    detail = {"patient": patients.patient_digest(site, patient_ref)[:16]}
    audit.record(action=Action.PATIENT_LOOKED_UP, by=by, target=site, detail=detail, now=now)
    return extent
