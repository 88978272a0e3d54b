"""Views that claim, renew and release cases, and name the next ones for prefetching."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
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
from diagnostics.review.models import Claim, Queue
from diagnostics.review.services import claims, serving
from diagnostics.review.views.script_redirects import redirect_for_scripts


@require_permission(Permission.READ)
@redirect_for_scripts
@require_POST
def claim_next(request: StaffRequest) -> HttpResponse:
    """Claim the next case of a queue, by default the clinical one, and open it."""
    requested = request.POST.get("queue", "")
    queue = Queue(requested) if requested in Queue.values else Queue.CLINICAL
    try:
        claimed = claims.claim_next(by=request.user, now=timezone.now(), queue=queue)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("cases:list")
    return open_next(request, claimed)


@require_permission(Permission.READ)
@redirect_for_scripts
@require_POST
def claim(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Claim a case that the reader chose."""
    try:
        claims.claim(case=_case(request, pk), by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("review:case", pk=pk)


@require_permission(Permission.READ)
@require_POST
def renew(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Renew the reader's claim and return its remaining seconds; called by the page's script."""
    now = timezone.now()
    try:
        held = claims.renew(case=_case(request, pk), by=request.user, now=now)
    except DomainError as error:
        return HttpResponse(str(error), status=error.status, content_type="text/plain")
    return HttpResponse(str(int((held.until - now).total_seconds())), content_type="text/plain")


@require_permission(Permission.READ)
@require_POST
def release(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Release a case without a reading."""
    claims.release(case=_case(request, pk), by=request.user, now=timezone.now())
    messages.info(request, _("The case was released and is back on the worklist."))
    return redirect("cases:list")


@require_permission(Permission.READ)
@never_cache
@require_GET
def prefetch(request: StaffRequest, pk: UUID) -> JsonResponse:
    """Return the image addresses of the cases that are served next, without the reason for serving them."""
    cases = serving.cases_to_prefetch(_case(request, pk), request.user, timezone.now())
    return JsonResponse(
        {"radiographs": [{"pixels": reverse("cases:pixels", args=[case.pk])} for case in cases]}
    )


def open_next(request: StaffRequest, claimed: Claim | None) -> HttpResponse:
    """Redirect to the claimed case, or to the worklist where the queue is empty."""
    if claimed is None:
        messages.success(request, _("All cases are read. There is nothing left for you to read."))
        return redirect("cases:list")
    return redirect("review:case", pk=claimed.case_id)


def _case(request: StaffRequest, pk: UUID) -> Case:
    return get_object_or_404(visible_to(request.user), pk=pk)
