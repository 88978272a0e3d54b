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

from diagnostics.accounts.guards import StaffRequest, may
from diagnostics.accounts.roles import May
from diagnostics.base import DomainError
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import visible_to
from diagnostics.review import afterwards, desk, second_thoughts, selectors, services
from diagnostics.review.ahead import coming
from diagnostics.review.forms import AmendForm, ReadingForm
from diagnostics.review.going import told_to_scripts
from diagnostics.review.models import Claim, Queue
from diagnostics.review.refusals import AlreadySigned


@told_to_scripts
@require_POST
@may(May.READ)
def take_next(request: StaffRequest) -> HttpResponse:
    """Hand the reader the next case of a queue; of what is due, unless another is named."""
    named = request.POST.get("queue", "")
    queue = Queue(named) if named in Queue.values else Queue.CLINICAL
    try:
        taken = services.claim_next(by=request.user, now=timezone.now(), queue=queue)
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect("review:worklist")
    return _to_next(request, taken)


@require_GET
@may(May.READ)
@never_cache
def case(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Open the reading page: blind before the reader's signature, with the machine's answer after it."""
    return _page(request, _case(request, pk))


@require_GET
@may(May.READ)
@never_cache
def ahead(request: StaffRequest, pk: UUID) -> JsonResponse:
    """Name the films that come next; their addresses, and nothing of why they come."""
    found = coming(_case(request, pk), request.user, timezone.now())
    return JsonResponse({"films": [{"pixels": reverse("cases:pixels", args=[each.pk])} for each in found]})


@told_to_scripts
@require_POST
@may(May.READ)
def claim(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Take a case that the reader chose."""
    try:
        services.claim(case=_case(request, pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    return redirect("review:case", pk=pk)


@require_POST
@may(May.READ)
def renew(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Prolong the reader's time while the hands are moving; the page's script asks for it."""
    now = timezone.now()
    try:
        held = services.renew(case=_case(request, pk), by=request.user, now=now)
    except DomainError as refusal:
        return HttpResponse(str(refusal), status=_status_of(refusal), content_type="text/plain")
    return HttpResponse(str(int((held.until - now).total_seconds())), content_type="text/plain")


@require_POST
@may(May.READ)
def release(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Give a case back unread."""
    services.release(case=_case(request, pk), by=request.user, now=timezone.now())
    messages.info(request, _("The case is back on the worklist."))
    return redirect("review:worklist")


@told_to_scripts
@require_POST
@may(May.READ)
def sign(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Sign a reading; then stay with the case, or go to the next."""
    found, form = _case(request, pk), ReadingForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=400)
    signing = {"case": found, "by": request.user, "now": timezone.now(), **form.answer}
    try:
        if request.POST.get("then") == "stay":
            services.sign_reading(**signing)
            return redirect("review:case", pk=pk)
        return _to_next(request, services.sign_and_claim_next(**signing))
    except AlreadySigned as refusal:
        messages.error(request, str(refusal))
        return redirect("review:case", pk=pk)
    except DomainError as refusal:
        form.add_error(None, str(refusal))
        return _page(request, found, form, status=_status_of(refusal))


@told_to_scripts
@require_POST
@may(May.READ)
def take_back(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Undo a signature of some seconds ago, and go back to its film."""
    try:
        second_thoughts.take_back(case=_case(request, pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect("review:worklist")
    return redirect("review:case", pk=pk)


@require_POST
@may(May.READ)
def amend(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Put a new reading in the place of the reader's own."""
    found, form = _case(request, pk), AmendForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=400)
    reading = get_object_or_404(selectors.readings_of(found), pk=form.cleaned_data["reading"])
    try:
        services.amend_reading(reading=reading, by=request.user, now=timezone.now(), **form.answer)
    except DomainError as refusal:
        form.add_error(None, str(refusal))
        return _page(request, found, form, status=_status_of(refusal))
    messages.success(request, _("Your new reading is signed. The earlier one stays on record."))
    return redirect("review:case", pk=pk)


@told_to_scripts
@require_POST
@may(May.READ)
def keep(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Stand by the reading after the machine's answer, and go to the next case."""
    now = timezone.now()
    try:
        case = _case(request, pk)
        afterwards.keep_reading(case=case, by=request.user, now=now)
        queue = selectors.queue_of(case, request.user)
        return _to_next(request, services.claim_next(by=request.user, now=now, queue=queue))
    except DomainError as refusal:
        messages.error(request, str(refusal))
        return redirect("review:case", pk=pk)


@require_POST
@may(May.READ)
def second_opinion(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Let one more reader see a case that this one has read."""
    try:
        afterwards.ask_second_opinion(case=_case(request, pk), by=request.user, now=timezone.now())
    except DomainError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Another reader will see this film, without your word or the machine's."))
    return redirect("review:case", pk=pk)


def _case(request: StaffRequest, pk: UUID) -> Case:
    return get_object_or_404(visible_to(request.user).select_related("radiograph"), pk=pk)


def _page(request: StaffRequest, case: Case, form: Form | None = None, *, status: int = 200) -> HttpResponse:
    """Show the reading page; what the machine says is not even looked up before the signature."""
    now = timezone.now()
    around = desk.common(case, request.user, now, beside=request.GET.get("prior", ""))
    reading = selectors.own_reading(case, request.user)
    if reading is None:
        context = desk.blind(case, request.user, now) | {"form": form or ReadingForm()}
        return render(request, "review/reading.html", around | context, status=status)
    context = desk.signed(case, reading, request.user, now) | {"form": form or AmendForm.of(reading)}
    return render(request, "review/signed.html", around | context, status=status)


def _to_next(request: StaffRequest, taken: Claim | None) -> HttpResponse:
    if taken is None:
        messages.success(request, _("All read. Nothing is waiting for you."))
        return redirect("review:worklist")
    return redirect("review:case", pk=taken.case_id)


def _status_of(refusal: DomainError) -> int:
    return int(getattr(refusal, "status", 400))
