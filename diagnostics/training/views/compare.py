"""The page of two runs side by side."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.training.forms import CompareForm
from diagnostics.training.presenters.compare import compare_runs
from diagnostics.training.selectors import runs


@require_permission(Permission.TRAIN)
@require_safe
def compare(request: StaffRequest) -> HttpResponse:
    """Show curves, test results and settings of two runs."""
    form = CompareForm(request.GET or None, runs=runs.runs().prefetch_related("epochs"))
    context = {
        "form": form,
        "results_title": _("Results"),
        "settings_title": _("Settings and data"),
    }
    if form.is_valid():
        first, second = form.cleaned_data["a"], form.cleaned_data["b"]
        context |= {"first": first, "second": second, "compared": compare_runs(first, second)}
    return render(request, "training/compare.html", context)
