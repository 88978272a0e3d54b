"""Reports of final cases, as a page and as PDF; each view and export is audited."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.errors import ImageUnavailable
from diagnostics.cases.models import Case
from diagnostics.cases.services import stored_images
from diagnostics.cases.services.blinding import record_prediction_shown
from diagnostics.review.selectors.report import CaseReport, report_of


@transaction.atomic
def view_report(*, case: Case, by: User, now: datetime) -> CaseReport:
    """Return the report of a case, which names the patient, and audit its view; raises NoReport."""
    return _audited(case, Action.REPORT_VIEWED, by, now)


@transaction.atomic
def export_report(*, case: Case, by: User, now: datetime) -> CaseReport:
    """Return the report of a case for its PDF, and audit its export; raises NoReport."""
    return _audited(case, Action.REPORT_EXPORTED, by, now)


def heatmap_image(report: CaseReport, *, by: User, now: datetime) -> bytes | None:
    """Return radiograph and heatmap as PNG; None without an AI result or where the file is damaged."""
    if report.prediction is None:
        return None
    try:
        return stored_images.overlay_png(report.prediction, by=by, now=now)
    except ImageUnavailable:  # recorded there; the report says that the image is missing
        return None


def _audited(case: Case, action: Action, by: User, now: datetime) -> CaseReport:
    report = report_of(case)
    if report.prediction:
        record_prediction_shown(by, [report.prediction], now)  # a second opinion would not be blind
    audit.record(action=action, by=by, target=case, now=now)
    return report
