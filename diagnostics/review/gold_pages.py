"""The pages on which administrators choose films whose truth is known."""

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

from diagnostics.accounts.guards import StaffRequest, may
from diagnostics.accounts.roles import May
from diagnostics.base import DomainError
from diagnostics.cases import showing
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.review import gold
from diagnostics.review.forms import GoldForm
from diagnostics.review.models import GoldCase

PICTURES: Final = 12


@require_GET
@may(May.OVERSEE)
@never_cache
def gold_cases(request: StaffRequest) -> HttpResponse:
    """Show the gold cases and how often they were put before readers."""
    page = Paginator(gold.gold_cases(request.user), PICTURES).get_page(request.GET.get("page"))
    rows = [(known, showing.number(known.case)) for known in page]
    return render(request, "review/gold.html", {"page": page, "rows": rows})


@require_http_methods(["GET", "POST"])
@may(May.OVERSEE)
@never_cache
def gold_case(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Say what is known to be true of a film."""
    case = _case(request, pk)
    known = GoldCase.objects.filter(case=case).first()
    form = GoldForm(request.POST) if request.method == "POST" else GoldForm.of(known)
    if form.is_bound and form.is_valid():
        try:
            gold.set_gold(case=case, by=request.user, now=timezone.now(), **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("It is a gold case now. It will teach no network."))
            return redirect("review:gold")
    context = {"case": case, "number": showing.number(case), "known": known, "form": form}
    return render(request, "review/gold_case.html", context, status=400 if form.errors else 200)


@require_POST
@may(May.OVERSEE)
def retire(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Put a gold case before no more readers."""
    gold.retire(case=_case(request, pk), by=request.user, now=timezone.now())
    messages.success(request, _("No more readers will be given it. What was read still counts."))
    return redirect("review:gold")


def _case(request: StaffRequest, pk: UUID) -> Case:
    return get_object_or_404(visible_to(request.user).select_related("radiograph"), pk=pk)
