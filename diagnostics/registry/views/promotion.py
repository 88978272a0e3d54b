"""Pages that change the active version: promotion and roll-back."""

from __future__ import annotations

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
from diagnostics.registry import promotion_gate, selectors, services
from diagnostics.registry.forms import PromoteForm, ReasonForm
from diagnostics.registry.models import ModelVersion
from diagnostics.registry.presenters import gate as gate_presenters
from diagnostics.registry.views.versions import ROLL_BACK_IDS, get_version, list_page


@require_permission(Permission.PROMOTE)
@require_http_methods(["GET", "HEAD", "POST"])
def promote(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show what a promotion of a version means, or promote it."""
    version = get_version(pk)
    choices = gate_presenters.acknowledgements(promotion_gate.gate_of(version))
    if request.method != "POST":
        return _promote_page(request, version, form=PromoteForm(acknowledgements=choices))
    form = PromoteForm(request.POST, acknowledgements=choices)
    if form.is_valid():
        try:
            services.promote(version=version, by=request.user, now=timezone.now(), **form.promotion())
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(version)s is now the active version.") % {"version": version})
            return redirect("registry:version", pk=pk)
    return _promote_page(request, version, form=form, status=400)


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
    return list_page(request, form=form, status=400)


def _promote_page(
    request: StaffRequest, version: ModelVersion, *, form: PromoteForm, status: int = 200
) -> HttpResponse:
    gate = promotion_gate.gate_of(version)
    context = {
        "version": version,
        "current": selectors.current_promotion(),
        "gate": gate_presenters.gate_panel(gate),
        "can_override": request.user.has_permission(Permission.OVERRIDE_GATE),
        "form": form,
    }
    return render(request, "registry/promote.html", context, status=status)
