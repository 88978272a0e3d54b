"""Administrators' pages of reference cases."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.cases.models import Case
from diagnostics.cases.presenters import case as case_presenters
from diagnostics.cases.selectors import visible_to
from diagnostics.errors import DomainError
from diagnostics.review.forms.reference_case import ReferenceCaseForm
from diagnostics.review.selectors import reference_cases as reference_case_selectors
from diagnostics.review.services import reference_cases

CASES_PER_PAGE: Final = 12


@require_permission(Permission.MANAGE_READERS)
@never_cache
@require_GET
def reference_case_list(request: StaffRequest) -> HttpResponse:
    """List the reference cases and how many readers have read them as control cases."""
    cases = reference_case_selectors.reference_cases(request.user)
    page = Paginator(cases, CASES_PER_PAGE).get_page(request.GET.get("page"))
    rows = [(each, case_presenters.short_number(each.case)) for each in page]
    return render(request, "review/reference_cases.html", {"page": page, "rows": rows})


@require_permission(Permission.MANAGE_READERS)
@never_cache
@require_http_methods(["GET", "POST"])
def reference_case(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show and set the reference standard of a case."""
    case = _case(request, pk)
    current = reference_case_selectors.reference_case(case)
    form = ReferenceCaseForm(request.POST) if request.method == "POST" else ReferenceCaseForm.of(current)
    if form.is_bound and form.is_valid():
        try:
            reference_cases.set_reference_case(
                case=case, by=request.user, now=timezone.now(), **form.cleaned_data
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The case is a reference case and is excluded from training."))
            return redirect("review:reference-cases")
    context = {
        "case": case,
        "number": case_presenters.short_number(case),
        "reference_case": current,
        "form": form,
    }
    return render(request, "review/reference_case.html", context, status=400 if form.errors else 200)


@require_permission(Permission.MANAGE_READERS)
@require_POST
def retire(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Retire a reference case."""
    reference_cases.retire_reference_case(case=_case(request, pk), by=request.user, now=timezone.now())
    messages.success(request, _("The reference case is retired. Its readings still count."))
    return redirect("review:reference-cases")


def _case(request: StaffRequest, pk: UUID) -> Case:
    return get_object_or_404(visible_to(request.user).select_related("radiograph"), pk=pk)
