"""The reading policy of a site: one page with its form and its changes."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from diagnostics.accounts.models import Site
from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.selectors import home_site
from diagnostics.review.forms.reading_policy import PolicyForm, SiteChoice
from diagnostics.review.presenters import policy_history
from diagnostics.review.selectors import reading_policy as selectors
from diagnostics.review.services import reading_policy as services


@require_permission(Permission.MANAGE_READERS)
@never_cache
@require_http_methods(["GET", "POST"])
def reading_policy(request: StaffRequest) -> HttpResponse:
    """Show and change the reading policy of one of the administrator's sites."""
    site = _chosen_site(request)
    if request.method == "GET":
        return _page(request, site, PolicyForm.of(selectors.policy_of(site)))
    form = PolicyForm(request.POST)
    if not form.is_valid():
        return _page(request, site, form, status=400)
    services.set_policy(
        site=site, policy=form.policy, site_rules=form.site_rules, by=request.user, now=timezone.now()
    )
    messages.success(request, _("Saved. The policy applies to cases without a reading."))
    return redirect(f"{reverse('review:policy')}?site={site.pk}")


def _chosen_site(request: StaffRequest) -> Site:
    """Return the site of the URL, which must be one of the administrator's, or else the home site."""
    choice = SiteChoice(request.GET)
    chosen = choice.cleaned_data["site"] if choice.is_valid() else None
    return get_object_or_404(request.user.sites, pk=chosen) if chosen else home_site(request.user)


def _page(request: StaffRequest, site: Site, form: PolicyForm, *, status: int = 200) -> HttpResponse:
    context = {
        "site": site,
        "sites": request.user.sites.all(),
        "form": form,
        "changes": policy_history.changes(selectors.policy_events(site), PolicyForm.labels()),
    }
    return render(request, "review/reading_policy.html", context, status=status)
