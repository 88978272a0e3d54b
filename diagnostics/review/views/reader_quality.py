"""Reader quality for administrators: agreement, performance, the effect of AI, and the reading policy."""

from __future__ import annotations

import csv
from typing import Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.selectors import home_site
from diagnostics.csv import escape_formula
from diagnostics.review.forms.reading_policy import PolicyForm
from diagnostics.review.note_template import codes
from diagnostics.review.presenters import reader_quality as presenter
from diagnostics.review.proportion import MIN_CASES
from diagnostics.review.selectors import (
    automation_bias,
    model_performance,
    reader_agreement,
    reader_performance,
    reading_policy,
)
from diagnostics.review.services import export as export_services
from diagnostics.review.services import reading_policy as reading_policy_services

COLUMNS: Final = ("case", "reader", "finding", "confidence", "signed_at", "structured_note")


@require_permission(Permission.MANAGE_READERS)
@never_cache
@require_GET
def reader_quality(request: StaffRequest) -> HttpResponse:
    """Show reader quality and the reading policy of the administrator's site."""
    return _page(request, PolicyForm.of(reading_policy.policy_of(home_site(request.user))))


@require_permission(Permission.MANAGE_READERS)
@require_POST
def policy(request: StaffRequest) -> HttpResponse:
    """Change the reading policy of the administrator's site."""
    form = PolicyForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    reading_policy_services.set_policy(
        site=home_site(request.user),
        policy=form.policy,
        site_rules=form.site_rules,
        by=request.user,
        now=timezone.now(),
    )
    messages.success(request, _("Saved. The policy applies to cases without a reading."))
    return redirect("review:readers")


@require_permission(Permission.MANAGE_READERS)
@never_cache
@require_GET
def export(request: StaffRequest) -> HttpResponse:
    """Return the first readings as CSV, without patient references."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="first-readings.csv"'
    table = csv.writer(response)
    table.writerow(COLUMNS)
    for reading in export_services.export_first_readings(by=request.user, now=timezone.now()):
        name, at = escape_formula(reading.by.username), reading.signed_at.isoformat()
        table.writerow(
            (reading.case_id, name, reading.finding, reading.confidence, at, codes(reading.structured))
        )
    return response


def _page(request: StaffRequest, form: PolicyForm, *, status: int = 200) -> HttpResponse:
    user = request.user
    context = {
        "inter_reader": presenter.inter_reader(reader_agreement.agreement_of_readers(user)),
        "intra_reader": presenter.intra_reader(reader_performance.intra_reader_agreement(user)),
        "reference_rows": presenter.reference_rows(reader_performance.reference_performance(user)),
        "ai_effect": presenter.ai_effect(automation_bias.automation_bias(user)),
        "model_rows": presenter.model_rows(model_performance.model_performance(user)),
        "min_cases": MIN_CASES,
        "site": home_site(user),
        "form": form,
    }
    return render(request, "review/reader_quality.html", context, status=status)
