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
from diagnostics.registry.presenters import (
    badges,
    charts,
    comparison,
    data_set,
    metrics,
    model_card,
    subsets,
    trust,
)
from diagnostics.registry.presenters.versions import erased_text, version_row

# A figure may use inline styles, and nothing else.
FIGURE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
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
    version = _get_version(pk)
    bundle = selectors.bundle_path(version)
    panel = trust.trust_panel(trust_report.read_report(bundle), selectors.site_names())
    if panel is None:
        raise Http404
    context = {
        "version": version,
        "trust": panel,
        "figures": trust.figures(trust_report.read_figures(bundle)),
        "themes": tuple(trust.FIGURE_TEXT),
    }
    return render(request, "registry/trust_report.html", context)


@require_permission(Permission.SEE_MODELS)
@require_safe
def trust_figure(request: StaffRequest, pk: UUID, number: int, theme: str) -> HttpResponse:
    """Return one figure of a trust report in the colours of a theme."""
    version = _get_version(pk)
    stored = trust_report.read_figures(selectors.bundle_path(version))
    if number >= len(stored) or theme not in trust.FIGURE_TEXT:
        raise Http404
    svg = trust.figure_svg(stored[number], theme=theme, version=str(version), sites=selectors.site_names())
    headers = {"Content-Security-Policy": FIGURE_POLICY}
    return HttpResponse(svg, content_type="image/svg+xml", headers=headers)


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
    manifest, report, sites = version.manifest, trust_report.read_report(bundle), selectors.site_names()
    versions = charts.evaluated(str(version), manifest, version.comparison, is_active=is_active)
    context: dict[str, Any] = {
        "version": version,
        "current": current,
        "is_active": is_active,
        "active_badge": badges.ACTIVE,
        "verdict": badges.verdict_badge(version),
        "erased_text": erased_text(version),
        "comparison": comparison.comparison_of(version.comparison),
        "trust": trust.trust_panel(report, sites),
        "charts": (charts.roc_chart(versions), charts.reliability_chart(versions)),
        "confusion": charts.confusion_matrix(versions),
        "results": metrics.evaluation_results(manifest),
        "operating_points": metrics.operating_points(manifest),
        "prediction_set_limits": metrics.prediction_set_limits(manifest),
        "out_of_distribution_limits": metrics.out_of_distribution_limits(manifest),
        "properties": metrics.properties(manifest),
        "data_set": data_set.data_set_table(manifest.get("training", {}).get("counts", {})),
        "subsets": subsets.bar_charts(manifest, report, sites),
        "model_card": model_card.card_html(bundle_store.read_model_card(bundle)),
        "form": form,
        "can_promote": not is_active and request.user.has_permission(Permission.PROMOTE),
        "needs_override": version.verdict == Verdict.REJECT,
    }
    return render(request, "registry/version.html", context, status=status)
