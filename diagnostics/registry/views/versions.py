"""Pages of model versions: the list, one version, and its trust report."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.registry import bundle_store, selectors, trust_report
from diagnostics.registry.forms import ReasonForm
from diagnostics.registry.models import ModelVersion
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
from diagnostics.registry.presenters.versions import erased_text, leak_text, override_text, version_row

# A figure may use inline styles, and nothing else.
FIGURE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
ROLL_BACK_IDS: Final = "roll-back-%s"


@require_permission(Permission.SEE_MODELS)
@require_safe
def version_list(request: StaffRequest) -> HttpResponse:
    """Show all versions and the deployment history."""
    return list_page(request, form=ReasonForm(auto_id=ROLL_BACK_IDS))


@require_permission(Permission.SEE_MODELS)
@require_safe
def version_detail(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show one version."""
    version = get_version(pk)
    return render(request, "registry/version.html", _version_context(request, version))


@require_permission(Permission.SEE_MODELS)
@require_safe
def trust_report_page(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the trust report of one version."""
    version = get_version(pk)
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
    version = get_version(pk)
    stored = trust_report.read_figures(selectors.bundle_path(version))
    if number >= len(stored) or theme not in trust.FIGURE_TEXT:
        raise Http404
    svg = trust.figure_svg(stored[number], theme=theme, version=str(version), sites=selectors.site_names())
    headers = {"Content-Security-Policy": FIGURE_POLICY}
    return HttpResponse(svg, content_type="image/svg+xml", headers=headers)


def get_version(pk: UUID) -> ModelVersion:
    """Return a version with its promotions; raises Http404."""
    return get_object_or_404(selectors.versions(), pk=pk)


def list_page(request: StaffRequest, *, form: ReasonForm, status: int = 200) -> HttpResponse:
    """Return the list of versions with a form to roll back."""
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


def _version_context(request: StaffRequest, version: ModelVersion) -> dict[str, Any]:
    current, bundle = selectors.current_promotion(), selectors.bundle_path(version)
    is_active = current is not None and current.version_id == version.pk
    manifest, report, sites = version.manifest, trust_report.read_report(bundle), selectors.site_names()
    versions = charts.evaluated(str(version), manifest, version.comparison, is_active=is_active)
    card_text = bundle_store.read_model_card(bundle) + model_card.approval(version.promotions.all())
    return {
        "version": version,
        "current": current,
        "is_active": is_active,
        "active_badge": badges.ACTIVE,
        "verdict": badges.version_badge(version),
        "erased_text": erased_text(version),
        "comparison": comparison.comparison_of(version.comparison),
        "trust": trust.trust_panel(report, sites),
        "charts": (charts.roc_chart(versions), charts.reliability_chart(versions)),
        "confusion": charts.confusion_matrix(versions),
        "results": metrics.evaluation_results(manifest),
        "operating_points": metrics.operating_points(manifest, selectors.deployed_points(version)),
        "prediction_set_limits": metrics.prediction_set_limits(manifest),
        "out_of_distribution_limits": metrics.out_of_distribution_limits(manifest),
        "properties": metrics.properties(manifest),
        "data_set": data_set.data_set_table(manifest.get("training", {}).get("counts", {})),
        "subsets": subsets.bar_charts(manifest, report, sites),
        "model_card": model_card.card_html(card_text),
        "can_promote": request.user.has_permission(Permission.PROMOTE),
        "override_text": override_text(version),
        "leak_text": leak_text(version),
    }
