"""Pages of the user's own account: password, profile, hotkeys."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from diagnostics.accounts import selectors, services
from diagnostics.accounts.errors import InvalidHotkeys
from diagnostics.accounts.forms import HotkeysForm, PasswordForm, TokenForm
from diagnostics.accounts.permissions import StaffRequest, require_login
from diagnostics.accounts.presenters.own_sessions import session_rows
from diagnostics.accounts.services import attempts, sessions
from diagnostics.accounts.views.sessions import too_many_attempts


@require_login
@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def password(request: StaffRequest) -> HttpResponse:
    """Change the user's own password; tries of the current password are limited."""
    if request.method == "GET":
        return render(request, "accounts/password.html", {"form": PasswordForm(request.user)})
    attempt = attempts.begin_check(
        user=request.user, kind="password", address=request.META["REMOTE_ADDR"], now=timezone.now()
    )
    if attempt.wait:
        return too_many_attempts(request, attempt.wait)
    form = PasswordForm(request.user, request.POST)
    if form.is_valid() or "old_password" not in form.errors:
        attempt.succeed(now=timezone.now())
    if not form.is_valid():
        return render(request, "accounts/password.html", {"form": form})
    services.change_password(by=request.user, password=form.cleaned_data["new_password1"], now=timezone.now())
    update_session_auth_hash(request, request.user)  # keeps this session, ends all others
    messages.success(
        request, _("Your password was changed. Other browsers were logged out and API tokens revoked.")
    )
    return redirect("accounts:profile")


@require_login
@never_cache
@require_safe
def profile(request: StaffRequest) -> HttpResponse:
    """Show the user's own account."""
    return profile_page(request)


@require_login
@never_cache
@require_http_methods(["GET", "POST"])
def keys(request: StaffRequest) -> HttpResponse:
    """Show and change the user's hotkeys."""
    form = HotkeysForm.for_user(request.user, request.POST if request.method == "POST" else None)
    if request.method == "GET":
        return render(request, "accounts/keys.html", {"form": form})
    chords = {} if "restore_defaults" in request.POST else form.chords()
    try:
        services.set_hotkeys(by=request.user, keys=chords)
    except InvalidHotkeys as error:
        form.add_errors(error.errors)
        return render(request, "accounts/keys.html", {"form": form}, status=400)
    messages.success(request, _("Your keyboard shortcuts were saved. They apply in every browser."))
    return redirect("accounts:keys")


@require_login
@require_POST
def end_other_sessions(request: StaffRequest) -> HttpResponse:
    """End all sessions of the own account but this one."""
    current, now = request.session.session_key, timezone.now()
    ended = sessions.end_other_sessions(by=request.user, current=current, now=now)
    text = ngettext("%(n)d other session was ended.", "%(n)d other sessions were ended.", ended)
    messages.success(request, text % {"n": ended})
    return redirect("accounts:profile")


def profile_page(
    request: StaffRequest, *, token: str = "", token_form: TokenForm | None = None, status: int = 200
) -> HttpResponse:
    """Return the profile page; a new token's key is shown on it once."""
    now, current = timezone.now(), request.session.session_key
    context = {
        "sessions": session_rows(selectors.sessions_of(request.user, now=now), current=current),
        "sites": request.user.sites.all(),
        "factors": request.user.authenticators.count(),
        "tokens": selectors.tokens_of(request.user),
        "now": now,
        "token": token,
        "token_form": token_form or TokenForm(request.user),
    }
    return render(request, "accounts/profile.html", context, status=status)
