"""Pages that change the active version: promotion and roll-back."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.errors import DomainError
from diagnostics.registry import policy, promotion_gate, selectors, services
from diagnostics.registry.forms import OperatingPointForm, PromoteForm, ReasonForm
from diagnostics.registry.models import ModelVersion
from diagnostics.registry.policy import OperatingPoint
from diagnostics.registry.presenters import charts, metrics, operating_point
from diagnostics.registry.presenters import gate as gate_presenters
from diagnostics.registry.presenters.versions import leak_text
from diagnostics.registry.views.versions import ROLL_BACK_IDS, get_version, list_page


@require_permission(Permission.PROMOTE)
@require_http_methods(["GET", "HEAD", "POST"])
def promote(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show what a promotion of a version means, with a chosen operating point, or promote it."""
    version = get_version(pk)
    choices = gate_presenters.acknowledgements(promotion_gate.gate_today(version))
    point_form = OperatingPointForm(request.POST or request.GET)
    if request.method != "POST":
        return _promote_page(request, version, PromoteForm(acknowledgements=choices), point_form)
    form = PromoteForm(request.POST, acknowledgements=choices)
    if form.is_valid() and point_form.is_valid():
        try:
            _promote(request, version, form, point_form)
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(version)s is now the active version.") % {"version": version})
            return redirect("registry:version", pk=pk)
    return _promote_page(request, version, form, point_form, status=400)


@require_permission(Permission.PROMOTE)
@require_POST
def roll_back(request: StaffRequest) -> HttpResponse:
    """Promote the previously active version."""
    form = ReasonForm(request.POST, auto_id=ROLL_BACK_IDS)
    if form.is_valid():
        try:
            promotion = services.roll_back(
                by=request.user,
                now=timezone.now(),
                ending=request.POST.get("ending", ""),
                **form.cleaned_data,
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            text = _("Rolled back: %(version)s is the active version.") % {"version": promotion.version}
            messages.success(request, text)
            return redirect("registry:versions")
    return list_page(request, form=form, status=400)


def _promote(
    request: StaffRequest, version: ModelVersion, form: PromoteForm, point_form: OperatingPointForm
) -> None:
    services.promote(
        version=version,
        by=request.user,
        now=timezone.now(),
        operating_point=point_form.point(),
        **form.promotion(),
    )


def _promote_page(
    request: StaffRequest,
    version: ModelVersion,
    form: PromoteForm,
    point_form: OperatingPointForm,
    *,
    status: int = 200,
) -> HttpResponse:
    point = _chosen(version, point_form)
    current = selectors.current_promotion()
    is_active = current is not None and current.version_id == version.pk
    versions = charts.evaluated(str(version), version.manifest, version.comparison, is_active=is_active)
    values = {name: point_form.data.get(name, "") for name in point_form.fields}
    context = {
        "version": version,
        "current": current,
        "is_active": is_active,
        "gate": gate_presenters.gate_panel(promotion_gate.gate_today(version), selectors.site_names()),
        "leak_text": leak_text(version),
        "can_override": request.user.has_permission(Permission.OVERRIDE_GATE),
        "second_person": services.second_person_text(version, request.user),
        "form": form,
        "point_form": point_form,
        "point": point,
        "facts": operating_point.facts(point) if point else (),
        "point_warning": operating_point.warning(point) if point else "",
        "own_points": metrics.operating_points(version.manifest),
        "chart": operating_point.roc_chart(versions, point),
        "point_values": list(values.items()),
        "flips_query": urlencode(values),
    }
    return render(request, "registry/promote.html", context, status=status)


def _chosen(version: ModelVersion, form: OperatingPointForm) -> OperatingPoint | None:
    request = form.point() if form.is_valid() else None
    if request is None:
        return None
    try:
        return policy.choose(policy.first_evaluation(version.manifest), request)
    except DomainError as error:
        form.add_error(None, str(error))
        return None
