"""The case page, and the actions on it."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.contrib import messages
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
from diagnostics.cases.forms import OverrideForm, PcrForm
from diagnostics.cases.models import Case
from diagnostics.cases.presenters import case_page
from diagnostics.cases.presenters.corrections import history
from diagnostics.cases.presenters.job import job_summary
from diagnostics.cases.presenters.prediction import PredictionSummary, prediction_summary
from diagnostics.cases.presenters.quality import stopped_of
from diagnostics.cases.services import blinding, corrections
from diagnostics.cases.services import pcr as pcr_services
from diagnostics.cases.services import retry as retry_services
from diagnostics.errors import DomainError
from diagnostics.patients.presenters import PatientLine, patient_line
from diagnostics.patients.selectors import patient_of
from diagnostics.registry import selectors as registry

STOP_POLLING: Final = 286  # the status that stops htmx's polling


@require_permission(Permission.SEE_CASES)
@never_cache
@require_safe
def case(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Show a case with its AI result, unless that is withheld from the user."""
    shown = _visible_case(request.user, pk)
    audit.record(action=Action.CASE_VIEWED, by=request.user, target=shown, now=timezone.now())
    return _case_page(request, shown)


@require_permission(Permission.SEE_CASES)
@never_cache
@require_POST
def patient(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Reveal name, reference and birth date of the patient; each request is audited.

    A page replaces the masked line, also that of a row, by the fragment that htmx receives.
    """
    shown = _visible_case(request.user, pk)
    detail = {"shown": "patient reference"}
    audit.record(action=Action.CASE_VIEWED, by=request.user, target=shown, detail=detail, now=timezone.now())
    if "HX-Request" in request.headers:
        context = {"line": _patient_line(shown, revealed=True)}
        return render(request, "cases/_patient_line.html", context)
    return _case_page(request, shown, revealed=True)


@require_permission(Permission.SEE_CASES)
@never_cache
@require_safe
def state(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the status of the newest prediction; once it is no longer open, the page reloads."""
    shown = _visible_case(request.user, pk)
    job = job_summary(selectors.latest_prediction(shown), timezone.now())
    response = render(request, "cases/_state.html", {"case": shown, "job": job})
    if job is None or not job.is_open:
        response.status_code = STOP_POLLING
        response["HX-Refresh"] = "true"
    return response


@require_permission(Permission.RETRY)
@require_POST
def retry(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Run AI again with the active version."""
    try:
        retry_services.retry(case=_visible_case(request.user, pk), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("cases:case", pk=pk)


@require_permission(Permission.UPLOAD)
@require_POST
def pcr(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Record an RT-PCR result."""
    shown, form = _visible_case(request.user, pk), PcrForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Please choose a result, and enter the sample date as year-month-day."))
        return redirect("cases:case", pk=pk)
    try:
        pcr_services.record_pcr(case=shown, by=request.user, now=timezone.now(), **form.cleaned_data)
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("cases:case", pk=pk)


def _visible_case(user: User, pk: uuid.UUID) -> Case:
    return get_object_or_404(selectors.with_predictions(selectors.visible_to(user)), pk=pk)


def _case_page(request: StaffRequest, shown: Case, *, revealed: bool = False) -> HttpResponse:
    latest, active = selectors.latest_prediction(shown), registry.active_version()
    blind = not blinding.may_see_prediction(request.user, shown)
    job = job_summary(latest, timezone.now())
    prediction = None if blind else _prediction(request.user, shown)
    may_retry = request.user.has_permission(Permission.RETRY) and shown.withdrawn_at is None
    stopped = stopped_of(selectors.stopped_prediction(shown))
    may_override = request.user.has_permission(Permission.OVERRIDE_QUALITY_GATE)
    context = {
        "case": shown,
        "header": case_page.case_header(shown, job, prediction, active),
        "line": _patient_line(shown, revealed=revealed),
        "may_correct": bool(corrections.permitted_kinds(shown, request.user, timezone.now())),
        "history": history(shown, selectors.corrections_of(shown)),
        "job": job,
        "prediction": prediction,
        "notice": case_page.ai_notice(job, prediction, blind=blind, stopped=stopped),
        "override_form": OverrideForm() if stopped and may_override else None,
        "blind": blind,
        "technical_facts": case_page.technical_facts(shown.radiograph, prediction),
        "retry_button": case_page.retry_button(latest, active)
        if may_retry and retry_services.is_retry_useful(latest, active)
        else None,
        "read_button": case_page.read_button(blind=blind)
        if request.user.has_permission(Permission.READ)
        else None,
        **_pcr_context(request.user, shown),
    }
    return render(request, "cases/case.html", context)


def _patient_line(shown: Case, *, revealed: bool) -> PatientLine:
    patient = patient_of(shown.site, shown.patient_ref)
    return patient_line(shown.site, patient, shown.patient_ref, revealed=revealed)


def _prediction(user: User, shown: Case) -> PredictionSummary | None:
    done = selectors.latest_done_prediction(shown)
    if done is None:
        return None
    blinding.record_prediction_shown(user, [done], timezone.now())
    return prediction_summary(done)


def _pcr_context(user: User, shown: Case) -> dict[str, Any]:
    if pcr_services.is_pcr_withheld(user, shown):
        return {"pcr_withheld": True}
    return {
        "pcr": case_page.pcr_panel(pcr_services.latest_pcr_result(shown)),
        "pcr_form": PcrForm() if user.has_permission(Permission.UPLOAD) else None,
    }
