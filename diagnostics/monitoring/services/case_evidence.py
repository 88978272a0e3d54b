"""The evidence pack of a case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import require
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.errors import ImageUnavailable
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import latest_done_prediction
from diagnostics.cases.services import blinding, stored_images
from diagnostics.monitoring.errors.evidence import ResultWithheld
from diagnostics.monitoring.selectors.case_evidence import evidence_of


@dataclass(frozen=True)
class CaseEvidence:
    """The evidence of a case; `overlay` is the PNG of radiograph and heatmap of its newest AI result."""

    case: Case
    content: dict[str, Any]
    overlay: bytes | None


@transaction.atomic
def export(*, case: Case, by: User, form: str, now: datetime) -> CaseEvidence:
    """Return the evidence of a case and audit its export as `form`; raises NotAllowed or ResultWithheld."""
    require(by, Permission.AUDIT)
    if not blinding.may_see_prediction(by, case):
        raise ResultWithheld(
            _("The AI result of this case is withheld from your role until its reading is final.")
        )
    content = evidence_of(case)
    audit.record(action=Action.CASE_EVIDENCE_EXPORTED, by=by, target=case, detail={"form": form}, now=now)
    return CaseEvidence(case, content, _overlay(case, by=by, now=now) if form == "pdf" else None)


def _overlay(case: Case, *, by: User, now: datetime) -> bytes | None:
    done = latest_done_prediction(case)
    if done is None:
        return None
    try:
        return stored_images.overlay_png(done, by=by, now=now)
    except ImageUnavailable:  # recorded there; the evidence says that the image is missing
        return None
