"""The retention rules of an administrator's sites."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.views.sessions import confirm_password_first
from diagnostics.privacy.forms import RetentionForm
from diagnostics.privacy.selectors import records
from diagnostics.privacy.services import retention


@require_permission(Permission.PRIVACY)
@never_cache
@require_safe
def rules(request: StaffRequest) -> HttpResponse:
    """Show the rule of each site and what it no longer keeps."""
    return _page(request)


@require_permission(Permission.PRIVACY)
@never_cache
@require_POST
@confirm_password_first("privacy:retention")
def change(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Change the rule of one of the administrator's sites; nothing is deleted before the next run."""
    site = get_object_or_404(request.user.sites, pk=pk)
    form = RetentionForm(request.POST, prefix=str(site.pk))
    if not form.is_valid():
        return _page(request, invalid=form, status=400)
    retention.set_rule(site=site, by=request.user, now=timezone.now(), **form.cleaned_data)
    messages.success(request, _("The retention rule was saved. Nothing has been deleted yet."))
    return redirect("privacy:retention")


def _page(request: StaffRequest, *, invalid: RetentionForm | None = None, status: int = 200) -> HttpResponse:
    expired = {each.site: each for each in retention.preview(now=timezone.now())}
    rows = []
    for site, rule in records.rules(request.user):
        is_invalid = invalid is not None and invalid.prefix == str(site.pk)
        form = invalid if is_invalid else RetentionForm.of(rule, site)
        rows.append({"site": site, "rule": rule, "form": form, "expired": expired.get(site)})
    return render(request, "privacy/retention.html", {"rows": rows}, status=status)
