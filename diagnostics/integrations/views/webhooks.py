"""The pages of webhook endpoints and of their deliveries."""

from __future__ import annotations

import uuid
from typing import Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.integrations.errors.webhooks import InvalidEndpoint
from diagnostics.integrations.forms.webhooks import ChangedEndpointForm, NewEndpointForm
from diagnostics.integrations.models import WebhookEndpoint
from diagnostics.integrations.presenters.webhooks import delivery_row
from diagnostics.integrations.selectors import webhooks as selectors
from diagnostics.integrations.services import webhooks as services

PAGE_SIZE: Final = 50


@require_permission(Permission.MANAGE_INTEGRATIONS)
@never_cache
@require_http_methods(["GET", "POST"])
def endpoints(request: StaffRequest) -> HttpResponse:
    """List the endpoints of the user's sites; create one and show its secret once."""
    form = NewEndpointForm(request.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            endpoint, secret = services.create_endpoint(
                **form.cleaned_data, by=request.user, now=timezone.now()
            )
        except InvalidEndpoint as error:
            form.add_error("url", str(error))
        else:
            return _endpoint_page(request, endpoint, secret=secret)
    listed = selectors.endpoints_visible_to(request.user)
    status = 400 if form.is_bound else 200
    return render(request, "integrations/webhooks.html", {"form": form, "endpoints": listed}, status=status)


@require_permission(Permission.MANAGE_INTEGRATIONS)
@never_cache
@require_http_methods(["GET", "POST"])
def endpoint(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Show an endpoint with its deliveries; change it."""
    found = get_object_or_404(selectors.endpoints_visible_to(request.user), pk=pk)
    if request.method == "GET":
        return _endpoint_page(request, found)
    form = ChangedEndpointForm(request.POST)
    if not form.is_valid():
        return _endpoint_page(request, found, form=form)
    try:
        services.change_endpoint(
            endpoint=found, values=form.cleaned_data, by=request.user, now=timezone.now()
        )
    except InvalidEndpoint as error:
        form.add_error("url", str(error))
        return _endpoint_page(request, found, form=form)
    messages.success(request, _("The endpoint was saved."))
    return redirect("integrations:webhook", pk=pk)


@require_permission(Permission.MANAGE_INTEGRATIONS)
@require_POST
def send_test(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Queue a test event."""
    found = get_object_or_404(selectors.endpoints_visible_to(request.user), pk=pk)
    services.send_test(endpoint=found, by=request.user, now=timezone.now())
    messages.success(request, _("A test event was queued. Its result appears among the deliveries."))
    return redirect("integrations:webhook", pk=pk)


@require_permission(Permission.MANAGE_INTEGRATIONS)
@never_cache
@require_POST
def renew_secret(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Replace the secret and show the new one once."""
    found = get_object_or_404(selectors.endpoints_visible_to(request.user), pk=pk)
    secret = services.renew_secret(endpoint=found, by=request.user, now=timezone.now())
    return _endpoint_page(request, found, secret=secret)


@require_permission(Permission.MANAGE_INTEGRATIONS)
@require_POST
def redeliver(request: StaffRequest, pk: uuid.UUID) -> HttpResponse:
    """Queue a delivery again."""
    delivery = get_object_or_404(selectors.deliveries_visible_to(request.user), pk=pk)
    if services.redeliver(delivery=delivery, by=request.user, now=timezone.now()):
        messages.success(request, _("The delivery was queued again."))
    else:
        messages.info(request, _("The delivery is queued already."))
    return redirect("integrations:webhook", pk=delivery.endpoint_id)


def _endpoint_page(
    request: StaffRequest,
    found: WebhookEndpoint,
    *,
    secret: str = "",
    form: ChangedEndpointForm | None = None,
) -> HttpResponse:
    values = {field: getattr(found, field) for field in ("name", "url", "events", "is_active")}
    deliveries = selectors.deliveries_visible_to(request.user).filter(endpoint=found)
    page = Paginator(deliveries, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "endpoint": found,
        "form": form or ChangedEndpointForm(initial=values),
        "secret": secret,
        "page": page,
        "rows": [delivery_row(delivery) for delivery in page],
    }
    return render(request, "integrations/webhook.html", context, status=400 if form else 200)
