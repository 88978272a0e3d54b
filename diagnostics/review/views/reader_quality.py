"""The administrator's page about readers: how they agree, what the machine does to them, how a site reads."""

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
from diagnostics.review.forms import POLICY, SITE_RULES, PolicyForm
from diagnostics.review.selectors import (
    automation_bias,
    model_performance,
    reader_agreement,
    reader_performance,
)
from diagnostics.review.services import policy as policy_services
from diagnostics.review.services.consensus import policy_of

COLUMNS: Final = ("case", "reader", "finding", "confidence", "signed_at")


@require_GET
@require_permission(Permission.OVERSEE)
@never_cache
def reader_quality(request: StaffRequest) -> HttpResponse:
    """Show how readers agree and what the machine's answer does to them."""
    return _page(request, PolicyForm.of(policy_of(home_site(request.user))))


@require_POST
@require_permission(Permission.OVERSEE)
def policy(request: StaffRequest) -> HttpResponse:
    """Set how many radiographs two readers see."""
    form = PolicyForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    given = form.cleaned_data
    policy_services.set_policy(
        site=home_site(request.user),
        policy={name: given[name] for name in POLICY},
        rules={name: given[name] for name in SITE_RULES},
        by=request.user,
        now=timezone.now(),
    )
    messages.success(request, _("Saved. It holds for cases whose first reading is still to come."))
    return redirect("review:readers")


@require_GET
@require_permission(Permission.OVERSEE)
@never_cache
def export(request: StaffRequest) -> HttpResponse:
    """Send the first readings as a table, without any patient's reference."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="first-readings.csv"'
    table = csv.writer(response)
    table.writerow(COLUMNS)
    for reading in reader_agreement.first_readings(request.user).iterator():
        name, at = escape_formula(reading.by.username), reading.signed_at.isoformat()
        table.writerow((reading.case_id, name, reading.finding, reading.confidence, at))
    return response


def _page(request: StaffRequest, form: PolicyForm, *, status: int = 200) -> HttpResponse:
    context = {
        "agreements": reader_agreement.agreement_of_readers(request.user),
        "influence": automation_bias.automation_bias(request.user),
        "unbiased": model_performance.model_performance(request.user),
        "against_truth": reader_performance.reference_performance(request.user),
        "against_self": reader_performance.intra_reader_agreement(request.user),
        "few": reader_agreement.MIN_CASES,
        "site": home_site(request.user),
        "form": form,
    }
    return render(request, "review/readers.html", context, status=status)
