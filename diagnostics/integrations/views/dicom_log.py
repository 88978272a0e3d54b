"""Pages of what was received and what was sent."""

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
from django.views.decorators.http import require_POST, require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.errors import DomainError
from diagnostics.integrations.presenters import dicom as presenters
from diagnostics.integrations.selectors import dicom as selectors
from diagnostics.integrations.services import result_queue

PAGE_SIZE: Final = 50


@require_permission(Permission.MANAGE_INTEGRATIONS)
@never_cache
@require_safe
def received(request: StaffRequest) -> HttpResponse:
    """List the received instances."""
    page = Paginator(selectors.received_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [presenters.received_row(instance) for instance in page]
    return render(request, "integrations/dicom_received.html", {"page": page, "rows": rows})


@require_permission(Permission.MANAGE_INTEGRATIONS)
@never_cache
@require_safe
def results(request: StaffRequest) -> HttpResponse:
    """List the deliveries of results."""
    page = Paginator(selectors.deliveries_of(request.user), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [presenters.delivery_row(delivery) for delivery in page]
    return render(request, "integrations/dicom_results.html", {"page": page, "rows": rows})


@require_permission(Permission.MANAGE_INTEGRATIONS)
@require_POST
def retry(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Queue a failed delivery again."""
    delivery = get_object_or_404(selectors.deliveries_of(request.user), pk=pk)
    try:
        result_queue.retry_delivery(delivery=delivery, by=request.user, now=timezone.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The delivery is queued again."))
    return redirect("dicom:results")
