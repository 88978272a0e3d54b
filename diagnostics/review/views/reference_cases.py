"""The pages on which administrators choose radiographs whose truth is known."""

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
from diagnostics.review.forms import ReferenceCaseForm
from diagnostics.review.models import ReferenceCase
from diagnostics.review.services import reference_cases

PICTURES: Final = 12


@require_GET
@require_permission(Permission.OVERSEE)
@never_cache
def reference_case_list(request: StaffRequest) -> HttpResponse:
    """Show the gold cases and how often they were put before readers."""
    page = Paginator(reference_cases.reference_cases(request.user), PICTURES).get_page(
        request.GET.get("page")
    )
    rows = [(known, case_presenters.short_number(known.case)) for known in page]
    return render(request, "review/gold.html", {"page": page, "rows": rows})


@require_http_methods(["GET", "POST"])
@require_permission(Permission.OVERSEE)
@never_cache
def reference_case(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Say what is known to be true of a radiograph."""
    case = _case(request, pk)
    known = ReferenceCase.objects.filter(case=case).first()
    form = ReferenceCaseForm(request.POST) if request.method == "POST" else ReferenceCaseForm.of(known)
    if form.is_bound and form.is_valid():
        try:
            reference_cases.set_reference_case(
                case=case, by=request.user, now=timezone.now(), **form.cleaned_data
            )
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("It is a gold case now. It will teach no network."))
            return redirect("review:gold")
    context = {"case": case, "number": case_presenters.short_number(case), "known": known, "form": form}
    return render(request, "review/gold_case.html", context, status=400 if form.errors else 200)


@require_POST
@require_permission(Permission.OVERSEE)
def retire(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Put a gold case before no more readers."""
    reference_cases.retire_reference_case(case=_case(request, pk), by=request.user, now=timezone.now())
    messages.success(request, _("No more readers will be given it. What was read still counts."))
    return redirect("review:gold")


def _case(request: StaffRequest, pk: UUID) -> Case:
    return get_object_or_404(visible_to(request.user).select_related("radiograph"), pk=pk)
