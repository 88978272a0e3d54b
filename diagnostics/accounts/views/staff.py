"""The staff of an administrator's sites: list, new accounts, access, and the access policy of a site."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from diagnostics.accounts import selectors
from diagnostics.accounts.forms import AccessPolicyForm, StaffFilter, StaffForm
from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.presenters.staff_access import staff_rows
from diagnostics.accounts.roles import Permission
from diagnostics.accounts.services import access_policy, attempts, passwords, second_factor
from diagnostics.accounts.services import staff as staff_services

Change = Callable[..., None]
CHANGES: Final[dict[str, tuple[Change, Any]]] = {
    "unlock": (attempts.unlock, gettext_lazy("The login of %(name)s was unlocked.")),
    "reset-factors": (
        second_factor.reset_factors,
        gettext_lazy("%(name)s logs in without a second factor now."),
    ),
    "end-access": (
        second_factor.end_access,
        gettext_lazy("All sessions and API tokens of %(name)s were ended."),
    ),
}


@require_permission(Permission.MANAGE_STAFF)
@never_cache
@require_safe
def staff(request: StaffRequest) -> HttpResponse:
    """List the staff of the administrator's sites, and the access policy of each site."""
    return _page(request)


@require_permission(Permission.MANAGE_STAFF)
@require_POST
def change(request: StaffRequest, pk: UUID, action: str) -> HttpResponse:
    """Change the access of a colleague."""
    if action not in CHANGES:
        raise Http404
    service, text = CHANGES[action]
    user = _colleague(request, pk)
    service(user=user, by=request.user, now=timezone.now())
    messages.success(request, text % {"name": user.username})
    return redirect("administration:account", pk)


@require_permission(Permission.MANAGE_STAFF)
@never_cache
@require_http_methods(["GET", "POST"])
def new_account(request: StaffRequest) -> HttpResponse:
    """Create an account, and show the link with which its user sets a password."""
    if request.method == "GET":
        return render(request, "accounts/new_account.html", {"form": StaffForm(request.user)})
    form, now = StaffForm(request.user, request.POST), timezone.now()
    if not form.is_valid():
        return render(request, "accounts/new_account.html", {"form": form}, status=400)
    values = dict(form.cleaned_data)
    user = staff_services.create_account(sites=values.pop("sites"), values=values, by=request.user, now=now)
    messages.success(request, _("The account %(name)s was created.") % {"name": user.username})
    path = passwords.create_password_link(user=user, by=request.user, now=now)
    return _page(request, link=request.build_absolute_uri(path), link_user=user)


@require_permission(Permission.MANAGE_STAFF)
@never_cache
@require_POST
def password_link(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Create a password link and show it once."""
    user, now = _colleague(request, pk), timezone.now()
    path = passwords.create_password_link(user=user, by=request.user, now=now)
    return _page(request, link=request.build_absolute_uri(path), link_user=user)


@require_permission(Permission.MANAGE_STAFF)
@require_POST
def policy(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Save the access policy of one of the administrator's sites."""
    site = get_object_or_404(request.user.sites, pk=pk)
    form = AccessPolicyForm(request.POST, instance=site, prefix=str(site.pk))
    if not form.is_valid():
        return _page(request, invalid=form, status=400)
    access_policy.set_access_policy(site=site, by=request.user, now=timezone.now(), **form.cleaned_data)
    messages.success(request, _("The access policy was saved."))
    return redirect("accounts:staff")


def _colleague(request: StaffRequest, pk: UUID) -> User:
    """Return a member of the administrator's sites, except the administrator."""
    return get_object_or_404(selectors.staff_of(request.user).exclude(pk=request.user.pk), pk=pk)


def _page(
    request: StaffRequest,
    *,
    link: str = "",
    link_user: User | None = None,
    invalid: AccessPolicyForm | None = None,
    status: int = 200,
) -> HttpResponse:
    now: datetime = timezone.now()
    filters = StaffFilter(request.GET)
    sites = request.user.sites.all()
    forms = [AccessPolicyForm(instance=site, prefix=str(site.pk)) for site in sites]
    context = {
        "rows": staff_rows(
            selectors.staff_with_access(request.user, now=now, **filters.values()), request.user
        ),
        "filters": filters,
        "forms": [invalid if invalid and invalid.instance == form.instance else form for form in forms],
        "link": link,
        "link_user": link_user,
    }
    return render(request, "accounts/staff.html", context, status=status)
