"""The page of a version's shadow run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.errors import DomainError
from diagnostics.monitoring.forms.shadow import SelectForm
from diagnostics.monitoring.presenters.shadow import shadow_page
from diagnostics.monitoring.selectors import shadow as selectors
from diagnostics.monitoring.selectors.shadow_comparison import comparison_of
from diagnostics.monitoring.services import shadow
from diagnostics.registry import selectors as registry
from diagnostics.registry.models import ModelVersion
from diagnostics.review.selectors.active_learning import selected_among
from diagnostics.review.services.selection import select_cases


@require_permission(Permission.PROMOTE)
@never_cache
@require_safe
def page(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show how a version scored the cases of the active version, and what differs."""
    return _page(request, _version(pk))


@require_permission(Permission.PROMOTE)
@require_POST
def start(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Start a shadow run."""
    version = _version(pk)
    try:
        shadow.start(version=version, by=request.user, now=timezone.now())
    except DomainError as error:
        return _page(request, version, error=error)
    messages.success(request, _("%(version)s now scores each new case in shadow.") % {"version": version})
    return redirect("monitoring:shadow", pk=pk)


@require_permission(Permission.PROMOTE)
@require_POST
def end(request: StaffRequest, pk: UUID) -> HttpResponse:
    """End a shadow run."""
    version = _version(pk)
    try:
        shadow.end(version=version, by=request.user, now=timezone.now())
    except DomainError as error:
        return _page(request, version, error=error)
    messages.success(request, _("The shadow run of %(version)s has ended.") % {"version": version})
    return redirect("monitoring:shadow", pk=pk)


@require_permission(Permission.MANAGE_READERS)
@require_POST
def select(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Select disagreements for the active-learning queue."""
    _version(pk)
    form = SelectForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Select at least one case."))
        return redirect("monitoring:shadow", pk=pk)
    added = select_cases(cases=form.cleaned_data["cases"], by=request.user, now=timezone.now())
    text = ngettext(
        "%(n)d case is next in the active-learning queue.",
        "%(n)d cases are next in the active-learning queue.",
        len(added),
    )
    messages.success(request, text % {"n": len(added)})
    return redirect("monitoring:shadow", pk=pk)


def _version(pk: UUID) -> ModelVersion:
    return get_object_or_404(registry.versions(), pk=pk)


def _page(request: StaffRequest, version: ModelVersion, *, error: DomainError | None = None) -> HttpResponse:
    run = selectors.latest_run(version)
    context: dict[str, Any] = {
        "version": version,
        "run": run,
        "error": str(error) if error else "",
        "can_start": registry.status_of(version) != registry.VersionStatus.ACTIVE,
    }
    if run:
        comparison = comparison_of(run, user=request.user)
        chosen = selected_among(each.case for each in comparison.disagreements)
        context["shadow"] = shadow_page(comparison, selectors.counts_by_status(run.pk), selected=chosen)
    return render(request, "monitoring/shadow.html", context, status=error.status if error else 200)
