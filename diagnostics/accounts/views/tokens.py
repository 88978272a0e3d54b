"""API tokens of the user's own account."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from diagnostics.accounts.forms import TokenForm
from diagnostics.accounts.permissions import StaffRequest, require_login
from diagnostics.accounts.services import tokens
from diagnostics.accounts.views.account import profile_page


@require_login
@never_cache
@require_POST
def create(request: StaffRequest) -> HttpResponse:
    """Create an API token and show it once."""
    form = TokenForm(request.user, request.POST)
    if not form.is_valid():
        return profile_page(request, token_form=form, status=400)
    key = tokens.create_token(by=request.user, now=timezone.now(), **form.values())
    return profile_page(request, token=key)


@require_login
@require_POST
def revoke(request: StaffRequest, pk: Any) -> HttpResponse:
    """Revoke one of the user's API tokens."""
    token = get_object_or_404(request.user.api_tokens, pk=pk)
    tokens.revoke_token(by=request.user, token=token, now=timezone.now())
    messages.success(request, _("The API token was revoked. Scripts can no longer use it."))
    return redirect("accounts:profile")


@require_login
@require_POST
def revoke_all(request: StaffRequest) -> HttpResponse:
    """Revoke all API tokens of the user."""
    if tokens.revoke_token(by=request.user, now=timezone.now()):
        messages.success(request, _("All API tokens were revoked. Scripts can no longer use them."))
    return redirect("accounts:profile")
