"""The worklist and the reading page."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.errors import DomainError
from diagnostics.review.errors import AlreadySigned
from diagnostics.review.forms import AmendForm, ReadingForm
from diagnostics.review.models import Claim, Queue
from diagnostics.review.selectors import claims
from diagnostics.review.selectors import readings as readings_selectors
from diagnostics.review.services import assisted_reading, claiming, readings, undo_signature
from diagnostics.review.services.prefetch import next_cases
from diagnostics.review.views import reading_context
from diagnostics.review.views.redirects import redirect_for_scripts


@redirect_for_scripts
@require_POST
@require_permission(Permission.READ)
def take_next(request: StaffRequest) -> HttpResponse:
    """Hand the reader the next case of a queue; of what is due, unless another is named."""
    named = request.POST.get("queue", "")
    queue = Queue(named) if named in Queue.values else Queue.CLINICAL
    try:
        taken = claiming.claim_next(by=request.user, now=timezone.now(), queue=queue)
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect("review:worklist")
    return _to_next(request, taken)


@require_GET
@require_permission(Permission.READ)
@never_cache
def case(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Open the reading page: blind before the reader's signature, with the machine's answer after it."""
    return _page(request, _case(request, pk))


@require_GET
@require_permission(Permission.READ)
@never_cache
def ahead(request: StaffRequest, pk: UUID) -> JsonResponse:
    """Name the radiographs that come next; their addresses, and nothing of why they come."""
    found = next_cases(_case(request, pk), request.user, timezone.now())
    return JsonResponse(
        {"radiographs": [{"pixels": reverse("cases:pixels", args=[each.pk])} for each in found]}
    )


@redirect_for_scripts
@require_POST
@require_permission(Permission.READ)
def claim(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Take a case that the reader chose."""
    try:
        claiming.claim(case=_case(request, pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("review:case", pk=pk)


@require_POST
@require_permission(Permission.READ)
def renew(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Prolong the reader's time while the hands are moving; the page's script asks for it."""
    now = timezone.now()
    try:
        held = claiming.renew(case=_case(request, pk), by=request.user, now=now)
    except DomainError as refusal:
        return HttpResponse(str(refusal), status=_status_of(refusal), content_type="text/plain")
    return HttpResponse(str(int((held.until - now).total_seconds())), content_type="text/plain")


@require_POST
@require_permission(Permission.READ)
def release(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Give a case back unread."""
    claiming.release(case=_case(request, pk), by=request.user, now=timezone.now())
    messages.info(request, _("The case is back on the worklist."))
    return redirect("review:worklist")


@redirect_for_scripts
@require_POST
@require_permission(Permission.READ)
def sign(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Sign a reading; then stay with the case, or go to the next."""
    found, form = _case(request, pk), ReadingForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=400)
    signing = {"case": found, "by": request.user, "now": timezone.now(), **form.answer}
    try:
        if request.POST.get("then") == "stay":
            readings.sign_reading(**signing)
            return redirect("review:case", pk=pk)
        return _to_next(request, readings.sign_and_claim_next(**signing))
    except AlreadySigned as refusal:
        messages.error(request, str(refusal))
        return redirect("review:case", pk=pk)
    except DomainError as refusal:
        form.add_error(None, str(refusal))
        return _page(request, found, form, status=_status_of(refusal))


@redirect_for_scripts
@require_POST
@require_permission(Permission.READ)
def take_back(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Undo a signature of some seconds ago, and go back to its radiograph."""
    try:
        undo_signature.undo_signature(case=_case(request, pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect("review:worklist")
    return redirect("review:case", pk=pk)


@require_POST
@require_permission(Permission.READ)
def amend(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Put a new reading in the place of the reader's own."""
    found, form = _case(request, pk), AmendForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=400)
    reading = get_object_or_404(readings_selectors.readings_of(found), pk=form.cleaned_data["reading"])
    try:
        readings.amend_reading(reading=reading, by=request.user, now=timezone.now(), **form.answer)
    except DomainError as refusal:
        form.add_error(None, str(refusal))
        return _page(request, found, form, status=_status_of(refusal))
    messages.success(request, _("Your new reading is signed. The earlier one stays on record."))
    return redirect("review:case", pk=pk)


@redirect_for_scripts
@require_POST
@require_permission(Permission.READ)
def keep(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Stand by the reading after the machine's answer, and go to the next case."""
    now = timezone.now()
    try:
        case = _case(request, pk)
        assisted_reading.keep_reading(case=case, by=request.user, now=now)
        queue = claims.queue_of(case, request.user)
        return _to_next(request, claiming.claim_next(by=request.user, now=now, queue=queue))
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect("review:case", pk=pk)


@require_POST
@require_permission(Permission.READ)
def second_opinion(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Let one more reader see a case that this one has read."""
    try:
        assisted_reading.request_second_opinion(case=_case(request, pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request, _("Another reader will see this radiograph, without your word or the machine's.")
        )
    return redirect("review:case", pk=pk)


def _case(request: StaffRequest, pk: UUID) -> Case:
    return get_object_or_404(visible_to(request.user).select_related("radiograph"), pk=pk)


def _page(request: StaffRequest, case: Case, form: Form | None = None, *, status: int = 200) -> HttpResponse:
    """Show the reading page; what the machine says is not even looked up before the signature."""
    now = timezone.now()
    around = reading_context.common(case, request.user, now, beside=request.GET.get("prior", ""))
    reading = readings_selectors.own_reading(case, request.user)
    if reading is None:
        context = reading_context.blind(case, request.user, now) | {"form": form or ReadingForm()}
        return render(request, "review/reading.html", around | context, status=status)
    context = reading_context.signed(case, reading, request.user, now) | {
        "form": form or AmendForm.of(reading)
    }
    return render(request, "review/signed.html", around | context, status=status)


def _to_next(request: StaffRequest, taken: Claim | None) -> HttpResponse:
    if taken is None:
        messages.success(request, _("All read. Nothing is waiting for you."))
        return redirect("review:worklist")
    return redirect("review:case", pk=taken.case_id)


def _status_of(refusal: DomainError) -> int:
    return int(getattr(refusal, "status", 400))
