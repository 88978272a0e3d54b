"""Pages of the user's own account: login, logout, password, profile, hotkeys, API token."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from diagnostics.accounts import login_throttle, selectors, services
from diagnostics.accounts.errors import InvalidHotkeys
from diagnostics.accounts.forms import HotkeysForm, LoginForm, PasswordForm
from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest
from diagnostics.accounts.roles import Role

START_PAGES = {
    Role.RADIOLOGIST: "review:worklist",
    Role.TECHNICIAN: "cases:list",
    Role.ADMINISTRATOR: "training:runs",
}


@login_required
def home(request: StaffRequest) -> HttpResponse:
    """Redirect to the start page of the user's role."""
    return redirect(START_PAGES[Role(request.user.role)])


class Login(LoginView):
    """The login page; it limits the number of failed attempts."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True
    attempt: login_throttle.LoginAttempt

    def post(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        """Check the password unless the limit of failed attempts is reached."""
        attempt = login_throttle.begin_attempt(
            username=request.POST.get("username", ""), address=request.META["REMOTE_ADDR"]
        )
        if attempt is None:
            return _too_many_attempts(request)
        self.attempt = attempt
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Start the session and record the login."""
        self.attempt.succeed()
        response = super().form_valid(form)
        services.record_login(by=form.get_user(), now=timezone.now())
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Record the failed attempt and show the form again."""
        services.record_failed_login(now=timezone.now())
        return super().form_invalid(form)


def _too_many_attempts(request: HttpRequest) -> HttpResponse:
    response = render(request, "accounts/too_many.html", status=429)
    response["Retry-After"] = str(login_throttle.PER_USER.seconds)
    return response


class Logout(LogoutView):
    """End the session."""

    next_page = "accounts:login"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Record the logout while the user is still known."""
        if isinstance(request.user, User):
            services.record_logout(by=request.user, now=timezone.now())
        return super().post(request, *args, **kwargs)


@login_required
@sensitive_post_parameters()
@never_cache
def password(request: StaffRequest) -> HttpResponse:
    """Change the user's own password."""
    form = PasswordForm(request.user, request.POST or None)
    if not form.is_valid():
        return render(request, "accounts/password.html", {"form": form})
    services.change_password(by=request.user, password=form.cleaned_data["new_password1"], now=timezone.now())
    update_session_auth_hash(request, request.user)  # keeps this session, ends all others
    messages.success(request, _("Your password was changed. Other browsers were logged out."))
    return redirect("accounts:profile")


@login_required
@never_cache
def profile(request: StaffRequest) -> HttpResponse:
    """Show the user's own account."""
    return _profile(request, token="")


@login_required
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


@login_required
@never_cache
@require_POST
def token(request: StaffRequest) -> HttpResponse:
    """Create an API token and show it once."""
    return _profile(request, token=services.create_token(by=request.user, now=timezone.now()))


@login_required
@require_POST
def revoke_token(request: StaffRequest) -> HttpResponse:
    """Revoke the user's API token."""
    if services.revoke_token(by=request.user, now=timezone.now()):
        messages.success(request, _("The API token was revoked. Scripts can no longer use it."))
    return redirect("accounts:profile")


def _profile(request: StaffRequest, *, token: str) -> HttpResponse:
    context = {
        "sites": request.user.sites.all(),
        "has_token": selectors.has_token(request.user),
        "token": token,
    }
    return render(request, "accounts/profile.html", context)
