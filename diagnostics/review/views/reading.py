"""The reading page: blind before the reader's signature, with the AI result after it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.cases.models import Case
from diagnostics.cases.presenters.banner import patient_banner
from diagnostics.cases.selectors import latest_done_prediction, latest_prediction, visible_to
from diagnostics.cases.selectors import patient as patients
from diagnostics.cases.services.blinding import record_prediction_shown
from diagnostics.errors import DomainError
from diagnostics.review.errors import AlreadySigned
from diagnostics.review.forms.reading import AmendForm, ReadingForm
from diagnostics.review.models import Reading
from diagnostics.review.presenters import reading as presenter
from diagnostics.review.presenters.worklist import count_text
from diagnostics.review.selectors import adjudication, list_counts
from diagnostics.review.selectors import claims as claim_selectors
from diagnostics.review.selectors import readings as reading_selectors
from diagnostics.review.services import assisted_reading, claims, readings
from diagnostics.review.services import second_opinion as opinions
from diagnostics.review.services import undo_signature as undo
from diagnostics.review.views.claims import open_next
from diagnostics.review.views.script_redirects import redirect_for_scripts


@require_permission(Permission.READ)
@never_cache
@require_GET
def case(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the reading page of a case."""
    return _page(request, _case(request, pk))


@require_permission(Permission.READ)
@redirect_for_scripts
@require_POST
def sign(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Sign a reading; then stay with the case or open the next one."""
    case, form = _case(request, pk), ReadingForm(request.POST)
    if not form.is_valid():
        return _page(request, case, form, status=400)
    signing = {"case": case, "by": request.user, "now": timezone.now(), **form.values}
    try:
        if request.POST.get("then") == "stay":
            readings.sign_reading(**signing)
            return redirect("review:case", pk=pk)
        return open_next(request, readings.sign_and_claim_next(**signing))
    except AlreadySigned as error:
        messages.error(request, str(error))
        return redirect("review:case", pk=pk)
    except DomainError as error:
        form.add_error(None, str(error))
        return _page(request, case, form, status=error.status)


@require_permission(Permission.READ)
@redirect_for_scripts
@require_POST
def undo_signature(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Undo a signature of some seconds ago and open its case again."""
    try:
        undo.undo_signature(case=_case(request, pk), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("cases:list")
    return redirect("review:case", pk=pk)


@require_permission(Permission.READ)
@require_POST
def amend(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Supersede the reader's own reading with a new one."""
    case, form = _case(request, pk), AmendForm(request.POST)
    if not form.is_valid():
        return _page(request, case, form, status=400)
    reading = get_object_or_404(reading_selectors.readings_of(case), pk=form.cleaned_data["reading"])
    try:
        readings.amend_reading(reading=reading, by=request.user, now=timezone.now(), **form.values)
    except DomainError as error:
        form.add_error(None, str(error))
        return _page(request, case, form, status=error.status)
    messages.success(request, _("Your amendment is signed. The earlier reading stays on record."))
    return redirect("review:case", pk=pk)


@require_permission(Permission.READ)
@redirect_for_scripts
@require_POST
def confirm(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Confirm the reading after seeing the AI result and open the next case."""
    now = timezone.now()
    try:
        case = _case(request, pk)
        assisted_reading.confirm_reading(case=case, by=request.user, now=now)
        queue = claim_selectors.queue_of(case, request.user)
        return open_next(request, claims.claim_next(by=request.user, now=now, queue=queue))
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("review:case", pk=pk)


@require_permission(Permission.READ)
@require_POST
def second_opinion(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Request one more reading of a case that the reader has read."""
    try:
        opinions.request_second_opinion(case=_case(request, pk), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        text = _("Another reader will read this radiograph. Findings and AI result are withheld until then.")
        messages.success(request, text)
    return redirect("review:case", pk=pk)


def _case(request: StaffRequest, pk: UUID) -> Case:
    return get_object_or_404(visible_to(request.user).select_related("radiograph", "site"), pk=pk)


def _page(request: StaffRequest, case: Case, form: Form | None = None, *, status: int = 200) -> HttpResponse:
    """Render the reading page; the AI result is not even queried before the signature."""
    now, user = timezone.now(), request.user
    progress = list_counts.day_progress(user, now)
    context = _case_context(request, case, now) | {"worklist_count": count_text(progress.to_read)}
    reading = reading_selectors.own_reading(case, user)
    if reading is None:
        form = form or ReadingForm()
        context |= _unsigned(case, user, progress, now) | {"form": form}
        context["shows_form"] = case.withdrawn_at is None and (context["claim"] or form.is_bound)
        return render(request, "review/reading.html", context, status=status)
    context |= _signed(case, reading, user, progress, now) | {"form": form or AmendForm.of(reading)}
    return render(request, "review/signed.html", context, status=status)


def _case_context(request: StaffRequest, case: Case, now: datetime) -> dict[str, Any]:
    priors = patients.priors(case, request.user)
    prior = presenter.selected_prior(priors, request.GET.get("prior", ""))
    banner = patient_banner(
        case,
        patient=patients.patient_of(case),
        priors=priors,
        now=now,
        prior_url=presenter.prior_query,
        shown_prior=prior,
    )
    return presenter.case_context(case, banner, priors, prior)


def _unsigned(case: Case, user: User, progress: list_counts.DayProgress, now: datetime) -> dict[str, Any]:
    held = claim_selectors.active_claim(case, now)
    own = held if held and held.by_id == user.pk else None
    needs_adjudication = adjudication.needs_adjudication(case)
    shown = adjudication.disagreeing_readings(case) if own and needs_adjudication else []
    undoable = undo.undoable_reading(user, now)
    return presenter.unsigned_context(own, progress=progress, opinions=shown, now=now) | {
        "undoable": undoable,
        "undo_text": presenter.undo_text(undoable) if undoable else "",
        "notice": presenter.notice(claims.obstacle(case, user, now), needs_adjudication=needs_adjudication),
    }


def _signed(
    case: Case, reading: Reading, user: User, progress: list_counts.DayProgress, now: datetime
) -> dict[str, Any]:
    done, consensus = latest_done_prediction(case), reading_selectors.consensus(case)
    if done:
        record_prediction_shown(user, [done], now)  # from now on the signature cannot be undone
    context = presenter.signed_context(reading, done=done, latest=latest_prediction(case), progress=progress)
    return context | {
        "notice": presenter.withdrawn_notice(case),
        "outcome": presenter.outcome(consensus, reading) if consensus else None,
        "last_claim": claim_selectors.last_claim(case, user),
        "readings": reading_selectors.readings_of(case),
    }
