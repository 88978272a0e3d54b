"""The page of one account: names, role, sites, access, and whether it is active."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from diagnostics.accounts import selectors
from diagnostics.accounts.forms import StaffForm
from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.presenters.staff_access import staff_rows
from diagnostics.accounts.roles import Permission
from diagnostics.administration.services import accounts

ACTIVITY: Final = {"deactivate": False, "reactivate": True}


@require_permission(Permission.MANAGE_STAFF)
@never_cache
@require_http_methods(["GET", "POST"])
def account(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Show and change an account of the administrator's sites, or one without a site."""
    user = _account(request, pk)
    if request.method == "GET":
        return _page(request, user, StaffForm(request.user, instance=user))
    form = StaffForm(request.user, request.POST, instance=user)
    if not form.is_valid():
        return _page(request, _account(request, pk), form, status=400)
    values = dict(form.cleaned_data)
    released = accounts.change_account(
        user=user, sites=values.pop("sites"), values=values, by=request.user, now=timezone.now()
    )
    messages.success(request, f"{_('The account was saved.')} {_released_text(released)}".strip())
    return redirect("administration:account", pk)


@require_permission(Permission.MANAGE_STAFF)
@require_POST
def activity(request: StaffRequest, pk: UUID, action: str) -> HttpResponse:
    """Deactivate or reactivate an account."""
    if action not in ACTIVITY:
        raise Http404
    user = _account(request, pk)
    released = accounts.set_active(user=user, active=ACTIVITY[action], by=request.user, now=timezone.now())
    text = _("%(name)s can log in again.") if user.is_active else _("%(name)s can no longer log in.")
    messages.success(request, f"{text % {'name': user.username}} {_released_text(released)}".strip())
    return redirect("administration:account", pk)


def _account(request: StaffRequest, pk: UUID) -> User:
    """Return an account that the administrator may see, except the own one."""
    seen = selectors.staff_with_access(request.user, now=timezone.now())
    return get_object_or_404(seen.exclude(pk=request.user.pk), pk=pk)


def _page(request: StaffRequest, user: User, form: StaffForm, *, status: int = 200) -> HttpResponse:
    context = {
        "account": user,
        "row": staff_rows([user], request.user)[0],
        "form": form,
        "may_change": selectors.may_administer(request.user, user),
        "has_site": user.sites.exists(),
    }
    return render(request, "administration/account.html", context, status=status)


def _released_text(cases: int) -> str:
    if not cases:
        return ""
    text = ngettext("%(n)d case was released.", "%(n)d cases were released.", cases)
    return text % {"n": cases}
