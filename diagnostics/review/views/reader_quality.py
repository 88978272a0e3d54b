"""Reader quality for administrators: agreement, performance and the effect of AI."""

from __future__ import annotations

from itertools import chain
from typing import Any, Final

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.selectors import home_site
from diagnostics.csv import csv_line, escape_formula
from diagnostics.review.note_template import codes
from diagnostics.review.presenters import reader_quality as presenter
from diagnostics.review.presenters.uncounted import uncounted_text
from diagnostics.review.proportion import MIN_CASES
from diagnostics.review.selectors import (
    automation_bias,
    model_performance,
    reader_agreement,
    reader_performance,
)
from diagnostics.review.selectors.figure_counts import uncounted_cases
from diagnostics.review.services import export as export_services
from diagnostics.review.services import kept_figures

COLUMNS: Final = ("case", "reader", "finding", "confidence", "signed_at", "structured_note")
FIELDS: Final = ("case", "by__username", "finding", "confidence", "signed_at", "structured")


@require_permission(Permission.MANAGE_READERS)
@never_cache
@require_GET
def reader_quality(request: StaffRequest) -> HttpResponse:
    """Show reader quality at the administrator's sites."""
    user = request.user
    home_site(user)  # who works at no site is told so
    kept_figures.bring_up_to_date()
    context = {
        "inter_reader": presenter.inter_reader(reader_agreement.agreement_of_readers(user)),
        "intra_reader": presenter.intra_reader(reader_performance.intra_reader_agreement(user)),
        "reference_rows": presenter.reference_rows(reader_performance.reference_performance(user)),
        "ai_effect": presenter.ai_effect(automation_bias.automation_bias(user)),
        "model_rows": presenter.model_rows(model_performance.model_performance(user)),
        "min_cases": MIN_CASES,
        "uncounted": uncounted_text(uncounted_cases()),
    }
    return render(request, "review/reader_quality.html", context)


@require_permission(Permission.MANAGE_READERS)
@never_cache
@require_GET
def export(request: StaffRequest) -> StreamingHttpResponse:
    """Return the first readings as CSV, without patient references."""
    exported = export_services.export_first_readings(by=request.user, now=timezone.now())
    rows = exported.values_list(*FIELDS).iterator(chunk_size=1000)
    return StreamingHttpResponse(
        chain([csv_line(COLUMNS)], map(_line, rows)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="first-readings.csv"'},
    )


def _line(row: tuple[Any, ...]) -> str:
    case, reader, finding, confidence, signed_at, structured = row
    return csv_line(
        (case, escape_formula(reader), finding, confidence, signed_at.isoformat(), codes(structured))
    )
