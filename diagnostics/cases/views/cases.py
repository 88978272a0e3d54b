"""Pages of cases: the list, the upload, and a case."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import selectors
from diagnostics.cases.forms import CaseFilter, PcrForm
from diagnostics.cases.models import Case, Priority
from diagnostics.cases.presenters import case as case_presenters
from diagnostics.cases.services import blinding
from diagnostics.cases.services import pcr as pcr_services
from diagnostics.cases.services import retry as retry_services
from diagnostics.errors import DomainError
from diagnostics.jobs.models import OPEN_STATUSES, JobStatus
from diagnostics.registry import selectors as registry

PAGE_SIZE: Final = 50
STOP_POLLING: Final = 286  # htmx's own status


@require_permission(Permission.SEE_CASES)
@require_safe
def cases(request: StaffRequest) -> HttpResponse:
    """List the cases of one's sites; readers see no answer of the machine here."""
    wanted = CaseFilter(request.GET).wanted()
    found = selectors.case_list(request.user, status=wanted["status"], ordering=wanted["sort"])
    if wanted["priority"]:
        found = found.filter(priority=wanted["priority"])
    if wanted["q"]:
        found = found.filter(accession_number__icontains=wanted["q"])
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    withheld = blinding.withheld_cases(request.user, list(page))
    return render(
        request,
        "cases/list.html",
        {
            "page": page,
            "rows": [
                case_presenters.case_row(
                    case, selectors.latest_prediction(case), withheld=case.pk in withheld
                )
                for case in page
            ],
            "shows_answers": not request.user.has_permission(Permission.READ),
            "wanted": wanted,
            "kept": [(name, wanted[name]) for name in ("status", "priority", "sort")],
            "narrowed": any(wanted[name] for name in ("status", "priority", "q")),
            "statuses": JobStatus.choices,
            "priorities": Priority.choices,
        },
    )


@require_permission(Permission.SEE_CASES)
@never_cache
@require_safe
def case(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Show a case, and what the machine said of it."""
    shown = _visible(request.user, pk)
    audit.record(action=Action.CASE_VIEWED, by=request.user, target=shown, now=timezone.now())
    return _case_page(request, shown)


@require_permission(Permission.SEE_CASES)
@never_cache
@require_POST
def patient(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the whole patient reference to somebody who asks for it; the asking is on record."""
    shown = _visible(request.user, pk)
    detail = {"shown": "patient reference"}
    audit.record(action=Action.CASE_VIEWED, by=request.user, target=shown, detail=detail, now=timezone.now())
    if "HX-Request" in request.headers:
        return render(request, "cases/_patient.html", {"case": shown, "revealed": True})
    return _case_page(request, shown, revealed=True)


@require_permission(Permission.SEE_CASES)
@never_cache
@require_safe
def state(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Say how far the machine is; once it has finished, the page is loaded anew."""
    shown = _visible(request.user, pk)
    work = selectors.latest_prediction(shown)
    response = render(
        request,
        "cases/_state.html",
        {"case": shown, "work": case_presenters.job_summary(work, timezone.now())},
    )
    if work is None or work.status not in OPEN_STATUSES:
        response.status_code = STOP_POLLING
        response["HX-Refresh"] = "true"
    return response


@require_permission(Permission.RETRY)
@require_POST
def retry(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask the machine again."""
    try:
        retry_services.retry(case=_visible(request.user, pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("cases:case", pk=pk)


@require_permission(Permission.UPLOAD)
@require_POST
def pcr(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Enter an RT-PCR result."""
    shown, form = _visible(request.user, pk), PcrForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Please choose a result, and a day as year, month and day."))
        return redirect("cases:case", pk=pk)
    try:
        pcr_services.record_pcr(case=shown, by=request.user, now=timezone.now(), **form.cleaned_data)
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("cases:case", pk=pk)


def _visible(user: User, pk: uuid.UUID) -> Case:
    return get_object_or_404(selectors.with_predictions(selectors.visible_to(user)), pk=pk)


def _case_page(request: StaffRequest, shown: Case, *, revealed: bool = False) -> HttpResponse:
    latest = selectors.latest_prediction(shown)
    blind = not blinding.may_see_prediction(request.user, shown)
    answer = None if blind else selectors.latest_done_prediction(shown)
    if answer:
        blinding.record_prediction_shown(request.user, [answer], timezone.now())
    active_version = registry.active_version()
    context = {
        "case": shown,
        "number": case_presenters.short_number(shown),
        "masked": case_presenters.masked_reference(shown.patient_ref),
        "revealed": revealed,
        "radiograph": shown.radiograph,
        "work": case_presenters.job_summary(latest, timezone.now()),
        "answer": answer and case_presenters.prediction_summary(answer),
        "blind": blind,
        "active_version": active_version,
        **_laboratory(request.user, shown),
        "may_ask_again": request.user.has_permission(Permission.RETRY)
        and blinding.may_retry(latest, active_version),
    }
    return render(request, "cases/case.html", context)


def _laboratory(user: User, shown: Case) -> dict[str, Any]:
    if pcr_services.is_pcr_withheld(user, shown):
        return {"pcr_kept": True}
    return {
        "pcr": pcr_services.latest_pcr_result(shown),
        "pcr_form": PcrForm() if user.has_permission(Permission.UPLOAD) else None,
    }
