"""Pages of cases: the list, the upload, and a case."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any, Final

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from diagnostics.accounts.guards import StaffRequest, may
from diagnostics.accounts.models import User
from diagnostics.accounts.roles import May
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.base import OPEN, DomainError, Status
from diagnostics.cases import answers, laboratory, outcomes, selectors, services, showing, uploads
from diagnostics.cases.forms import CaseFilter, PcrForm, UploadForm
from diagnostics.cases.models import Case, Priority
from diagnostics.cases.outcomes import Outcome
from diagnostics.registry import selectors as registry

PAGE_SIZE: Final = 50
STOP_POLLING: Final = 286  # htmx's own status


@may(May.SEE_CASES)
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
    withheld = answers.withheld(request.user, list(page))
    return render(
        request,
        "cases/list.html",
        {
            "page": page,
            "rows": [
                showing.row(case, selectors.latest_prediction(case), withheld=case.pk in withheld)
                for case in page
            ],
            "shows_answers": not request.user.may(May.READ),
            "wanted": wanted,
            "kept": [(name, wanted[name]) for name in ("status", "priority", "sort")],
            "narrowed": any(wanted[name] for name in ("status", "priority", "q")),
            "statuses": Status.choices,
            "priorities": Priority.choices,
        },
    )


@may(May.SEE_CASES)
@never_cache
@require_safe
def case(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Show a case, and what the machine said of it."""
    shown = _visible(request.user, pk)
    audit.record(action=Action.CASE_VIEWED, by=request.user, target=shown, now=timezone.now())
    return _case_page(request, shown)


@may(May.SEE_CASES)
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


@may(May.SEE_CASES)
@never_cache
@require_safe
def state(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Say how far the machine is; once it has finished, the page is loaded anew."""
    shown = _visible(request.user, pk)
    work = selectors.latest_prediction(shown)
    response = render(
        request, "cases/_state.html", {"case": shown, "work": showing.work(work, timezone.now())}
    )
    if work is None or work.status not in OPEN:
        response.status_code = STOP_POLLING
        response["HX-Refresh"] = "true"
    return response


@may(May.RETRY)
@require_POST
def retry(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask the machine again."""
    try:
        services.retry(case=_visible(request.user, pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("cases:case", pk=pk)


@may(May.UPLOAD)
@require_POST
def pcr(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Enter an RT-PCR result."""
    shown, form = _visible(request.user, pk), PcrForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Please choose a result, and a day as year, month and day."))
        return redirect("cases:case", pk=pk)
    try:
        laboratory.record_pcr(case=shown, by=request.user, now=timezone.now(), **form.cleaned_data)
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("cases:case", pk=pk)


@may(May.UPLOAD)
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: StaffRequest) -> HttpResponse:
    """Take films; each ends as accepted, known already or refused, and none stops the others."""
    if request.method != "POST":
        return render(request, "cases/upload.html", _upload_form(UploadForm()))
    form = UploadForm(request.POST, request.FILES)
    by_script = request.headers.get("Accept") == "application/json"
    if not form.is_valid():
        if by_script:
            return JsonResponse({"outcomes": [asdict(outcomes.incomplete(form.errors))]}, status=400)
        return render(request, "cases/upload.html", _upload_form(form), status=400)
    ended = [_admit(film, form.cleaned_data, request.user) for film in form.cleaned_data["films"]]
    if by_script:
        return JsonResponse({"outcomes": [asdict(outcome) for outcome in ended]})
    return render(request, "cases/uploaded.html", {"outcomes": ended})


def _upload_form(form: UploadForm) -> dict[str, Any]:
    return {"form": form, "order": [field for field in form if field.name != "films"]}


def _visible(user: User, pk: uuid.UUID) -> Case:
    return get_object_or_404(selectors.with_predictions(selectors.visible_to(user)), pk=pk)


def _case_page(request: StaffRequest, shown: Case, *, revealed: bool = False) -> HttpResponse:
    latest = selectors.latest_prediction(shown)
    blind = not answers.may_see_answer(request.user, shown)
    answer = None if blind else selectors.standing_answer(shown)
    if answer:
        answers.note_shown(request.user, [answer], timezone.now())
    in_force = registry.in_force()
    context = {
        "case": shown,
        "number": showing.number(shown),
        "masked": showing.masked(shown.patient_ref),
        "revealed": revealed,
        "film": shown.radiograph,
        "work": showing.work(latest, timezone.now()),
        "answer": answer and showing.answer(answer),
        "blind": blind,
        "in_force": in_force,
        **_laboratory(request.user, shown),
        "may_ask_again": request.user.may(May.RETRY) and answers.may_be_asked_again(latest, in_force),
    }
    return render(request, "cases/case.html", context)


def _laboratory(user: User, shown: Case) -> dict[str, Any]:
    if laboratory.is_kept_from(user, shown):
        return {"pcr_kept": True}
    return {"pcr": laboratory.standing_result(shown), "pcr_form": PcrForm() if user.may(May.UPLOAD) else None}


def _admit(film: UploadedFile, order: dict[str, Any], by: User) -> Outcome:
    name = film.name or ""
    try:
        uploads.refuse_oversize(film.size or 0)
        opened = services.open_case(
            radiograph=film.read(),
            patient_ref=order["patient_ref"],
            accession_number=order["accession_number"],
            view=order["view"],
            priority=order["priority"],
            by=by,
            now=timezone.now(),
        )
    except DomainError as refusal:
        return outcomes.refused(name, refusal.code, str(refusal))
    return outcomes.admitted(name, opened.case, created=opened.created)
