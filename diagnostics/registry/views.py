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

from diagnostics.accounts.guards import StaffRequest, may
from diagnostics.accounts.roles import May
from diagnostics.base import DomainError
from diagnostics.registry import comparisons, figures, selectors, services, shelf, worth
from diagnostics.registry.forms import PromoteForm, ReasonForm
from diagnostics.registry.models import ModelVersion

# The report is a page of its own: it may style itself and show its pictures, and nothing else.
REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


@require_safe
@may(May.SEE_MODELS)
def versions(request: StaffRequest) -> HttpResponse:
    """List every version and what was in force when."""
    return _list(request, form=ReasonForm(auto_id="roll-back-%s"))


@require_safe
@may(May.SEE_MODELS)
def version(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the card of one version."""
    return _card(request, get_object_or_404(selectors.versions(), pk=pk), form=PromoteForm())


@require_safe
@may(May.SEE_MODELS)
def trust(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show the trust report of one version."""
    chosen = get_object_or_404(selectors.versions(), pk=pk)
    found = worth.page(selectors.bundle_path(chosen))
    if found is None:
        raise Http404
    return HttpResponse(found, headers={"Content-Security-Policy": REPORT_POLICY})


@require_POST
@may(May.PROMOTE)
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
@may(May.PROMOTE)
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
        "rows": [(each, figures.headline(each.manifest)) for each in selectors.versions()],
        "history": selectors.history(),
        "current": selectors.current_promotion(),
        "previous": selectors.previous_version(),
        "form": form,
        "may_promote": request.user.may(May.PROMOTE),
    }
    return render(request, "registry/versions.html", page, status=status)


def _card(
    request: StaffRequest, chosen: ModelVersion, *, form: PromoteForm, status: int = 200
) -> HttpResponse:
    current = selectors.current_promotion()
    page: dict[str, Any] = {
        "version": chosen,
        "current": current,
        "in_force": current is not None and current.version_id == chosen.pk,
        "facts": figures.facts(chosen.manifest),
        "metrics": figures.metrics(chosen.manifest),
        "counts": figures.counts(chosen.manifest.get("training", {}).get("counts", {})),
        "points": figures.points(chosen.manifest),
        "limits": figures.limits(chosen.manifest),
        "novelty": figures.novelty(chosen.manifest),
        "comparison": comparisons.of(chosen.comparison),
        "worth": worth.worth(selectors.bundle_path(chosen)),
        "card": shelf.read_card(selectors.bundle_path(chosen)),
        "form": form,
        "may_promote": request.user.may(May.PROMOTE),
    }
    return render(request, "registry/version.html", page, status=status)
