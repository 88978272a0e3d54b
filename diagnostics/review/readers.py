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

from diagnostics.accounts.guards import StaffRequest, may
from diagnostics.accounts.roles import May
from diagnostics.accounts.selectors import home_site
from diagnostics.review import afterwards, influence, proficiency, unbiased
from diagnostics.review.forms import POLICY, SITE_RULES, PolicyForm
from diagnostics.review.settling import policy_of
from diagnostics.spreadsheets import harmless

COLUMNS: Final = ("case", "reader", "finding", "confidence", "signed_at")


@require_GET
@may(May.OVERSEE)
@never_cache
def readers(request: StaffRequest) -> HttpResponse:
    """Show how readers agree and what the machine's answer does to them."""
    return _page(request, PolicyForm.of(policy_of(home_site(request.user))))


@require_POST
@may(May.OVERSEE)
def policy(request: StaffRequest) -> HttpResponse:
    """Set how many films two readers see."""
    form = PolicyForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    given = form.cleaned_data
    afterwards.set_policy(
        site=home_site(request.user),
        policy={name: given[name] for name in POLICY},
        rules={name: given[name] for name in SITE_RULES},
        by=request.user,
        now=timezone.now(),
    )
    messages.success(request, _("Saved. It holds for cases whose first reading is still to come."))
    return redirect("review:readers")


@require_GET
@may(May.OVERSEE)
@never_cache
def export(request: StaffRequest) -> HttpResponse:
    """Send the first readings as a table, without any patient's reference."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="first-readings.csv"'
    table = csv.writer(response)
    table.writerow(COLUMNS)
    for reading in influence.first_readings(request.user).iterator():
        name, at = harmless(reading.by.username), reading.signed_at.isoformat()
        table.writerow((reading.case_id, name, reading.finding, reading.confidence, at))
    return response


def _page(request: StaffRequest, form: PolicyForm, *, status: int = 200) -> HttpResponse:
    context = {
        "agreements": influence.agreements(request.user),
        "influence": influence.influence(request.user),
        "unbiased": unbiased.unbiased(request.user),
        "against_truth": proficiency.against_truth(request.user),
        "against_self": proficiency.against_self(request.user),
        "few": influence.FEW,
        "site": home_site(request.user),
        "form": form,
    }
    return render(request, "review/readers.html", context, status=status)
