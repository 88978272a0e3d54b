"""Pages of model versions: the list, one version, its trust report, promotion and roll-back."""

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
from diagnostics.registry.models import ModelVersion, Verdict
from diagnostics.registry.presenters import badges, comparison, data_set, metrics, trust
from diagnostics.registry.presenters.versions import erased_text, version_row

# The report is a page of its own: it may use inline styles and embedded images, and nothing else.
REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
ROLL_BACK_IDS: Final = "roll-back-%s"


@require_permission(Permission.SEE_MODELS)
@require_safe
def version_list(request: StaffRequest) -> HttpResponse:
    """Show all versions and the deployment history."""
    return _list_page(request, form=ReasonForm(auto_id=ROLL_BACK_IDS))


@require_permission(Permission.SEE_MODELS)
@require_safe
def version_detail(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show one version."""
    return _version_page(request, _get_version(pk), form=PromoteForm())


@require_permission(Permission.SEE_MODELS)
@require_safe
def trust_report_page(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the trust report of one version."""
    report = trust_report.report_page(selectors.bundle_path(_get_version(pk)))
    if report is None:
        raise Http404
    return HttpResponse(report, headers={"Content-Security-Policy": REPORT_POLICY})


@require_permission(Permission.PROMOTE)
@require_POST
def promote(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Promote a version."""
    version = _get_version(pk)
    form = PromoteForm(request.POST)
    if form.is_valid():
        try:
            services.promote(version=version, by=request.user, now=timezone.now(), **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(version)s is now the active version.") % {"version": version})
            return redirect("registry:version", pk=pk)
    return _version_page(request, version, form=form, status=400)


@require_permission(Permission.PROMOTE)
@require_POST
def roll_back(request: StaffRequest) -> HttpResponse:
    """Promote the previously active version."""
    form = ReasonForm(request.POST, auto_id=ROLL_BACK_IDS)
    if form.is_valid():
        try:
            promotion = services.roll_back(by=request.user, now=timezone.now(), **form.cleaned_data)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            text = _("Rolled back: %(version)s is the active version.") % {"version": promotion.version}
            messages.success(request, text)
            return redirect("registry:versions")
    return _list_page(request, form=form, status=400)


def _get_version(pk: UUID) -> ModelVersion:
    return get_object_or_404(selectors.versions(), pk=pk)


def _list_page(request: StaffRequest, *, form: ReasonForm, status: int = 200) -> HttpResponse:
    current = selectors.current_promotion()
    active = current.version_id if current else None
    context = {
        "rows": [version_row(version, active=version.pk == active) for version in selectors.versions()],
        "history": selectors.deployment_history(),
        "current": current,
        "previous": selectors.previous_version(),
        "form": form,
        "can_promote": request.user.has_permission(Permission.PROMOTE),
    }
    return render(request, "registry/versions.html", context, status=status)


def _version_page(
    request: StaffRequest, version: ModelVersion, *, form: PromoteForm, status: int = 200
) -> HttpResponse:
    current, bundle = selectors.current_promotion(), selectors.bundle_path(version)
    is_active = current is not None and current.version_id == version.pk
    manifest = version.manifest
    context: dict[str, Any] = {
        "version": version,
        "current": current,
        "is_active": is_active,
        "active_badge": badges.ACTIVE,
        "verdict": badges.verdict_badge(version),
        "erased_text": erased_text(version),
        "comparison": comparison.comparison_of(version.comparison),
        "trust": trust.trust_panel(trust_report.trust_summary(bundle)),
        "results": metrics.evaluation_results(manifest),
        "operating_points": metrics.operating_points(manifest),
        "prediction_set_limits": metrics.prediction_set_limits(manifest),
        "out_of_distribution_limits": metrics.out_of_distribution_limits(manifest),
        "properties": metrics.properties(manifest),
        "data_set": data_set.data_set_table(manifest.get("training", {}).get("counts", {})),
        "model_card": bundle_store.read_model_card(bundle),
        "form": form,
        "can_promote": not is_active and request.user.has_permission(Permission.PROMOTE),
        "needs_override": version.verdict == Verdict.REJECT,
    }
    return render(request, "registry/version.html", context, status=status)
