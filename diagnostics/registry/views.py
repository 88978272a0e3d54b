"""Pages about model versions: all of them, one card, promote, roll back."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.errors import DomainError
from diagnostics.registry import bundle_store, selectors, services, trust_report
from diagnostics.registry.forms import PromoteForm, ReasonForm
from diagnostics.registry.models import ModelVersion
from diagnostics.registry.presenters import comparison, metrics

# The report is a page of its own: it may style itself and show its pictures, and nothing else.
REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


@require_safe
@require_permission(Permission.SEE_MODELS)
def versions(request: StaffRequest) -> HttpResponse:
    """List every version and what was in force when."""
    return _list(request, form=ReasonForm(auto_id="roll-back-%s"))


@require_safe
@require_permission(Permission.SEE_MODELS)
def version(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the card of one version."""
    return _card(request, get_object_or_404(selectors.versions(), pk=pk), form=PromoteForm())


@require_safe
@require_permission(Permission.SEE_MODELS)
def trust(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the trust report of one version."""
    chosen = get_object_or_404(selectors.versions(), pk=pk)
    found = trust_report.report_page(selectors.bundle_path(chosen))
    if found is None:
        raise Http404
    return HttpResponse(found, headers={"Content-Security-Policy": REPORT_POLICY})


@require_POST
@require_permission(Permission.PROMOTE)
def promote(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Bring a version into force."""
    chosen = get_object_or_404(selectors.versions(), pk=pk)
    form = PromoteForm(request.POST)
    if form.is_valid():
        try:
            services.promote(version=chosen, by=request.user, now=timezone.now(), **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("%(version)s is in force from now on.") % {"version": chosen})
            return redirect("registry:version", pk=pk)
    return _card(request, chosen, form=form, status=400)


@require_POST
@require_permission(Permission.PROMOTE)
def roll_back(request: StaffRequest) -> HttpResponse:
    """Bring the previous version back into force."""
    form = ReasonForm(request.POST, auto_id="roll-back-%s")
    if form.is_valid():
        try:
            promotion = services.roll_back(by=request.user, now=timezone.now(), **form.cleaned_data)
        except DomainError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("%(version)s is in force again.") % {"version": promotion.version})
            return redirect("registry:versions")
    return _list(request, form=form, status=400)


def _list(request: StaffRequest, *, form: ReasonForm, status: int = 200) -> HttpResponse:
    page = {
        "rows": [(each, metrics.headline(each.manifest)) for each in selectors.versions()],
        "history": selectors.history(),
        "current": selectors.current_promotion(),
        "previous": selectors.previous_version(),
        "form": form,
        "may_promote": request.user.has_permission(Permission.PROMOTE),
    }
    return render(request, "registry/versions.html", page, status=status)


def _card(
    request: StaffRequest, chosen: ModelVersion, *, form: PromoteForm, status: int = 200
) -> HttpResponse:
    current = selectors.current_promotion()
    page: dict[str, Any] = {
        "version": chosen,
        "current": current,
        "active_version": current is not None and current.version_id == chosen.pk,
        "facts": metrics.facts(chosen.manifest),
        "metrics": metrics.metrics(chosen.manifest),
        "counts": metrics.counts(chosen.manifest.get("training", {}).get("counts", {})),
        "points": metrics.points(chosen.manifest),
        "limits": metrics.limits(chosen.manifest),
        "out_of_distribution": metrics.out_of_distribution(chosen.manifest),
        "comparison": comparison.comparison_of(chosen.comparison),
        "worth": trust_report.trust_summary(selectors.bundle_path(chosen)),
        "card": bundle_store.read_card(selectors.bundle_path(chosen)),
        "form": form,
        "may_promote": request.user.has_permission(Permission.PROMOTE),
    }
    return render(request, "registry/version.html", page, status=status)
