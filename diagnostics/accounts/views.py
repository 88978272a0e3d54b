"""Pages about oneself: logging in and out, password, profile, API token."""

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
from diagnostics.accounts.errors import InvalidHotkey
from diagnostics.accounts.forms import HotkeysForm, LoginForm, PasswordForm
from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest
from diagnostics.accounts.roles import Role

HOMES = {
    Role.RADIOLOGIST: "review:worklist",
    Role.TECHNICIAN: "cases:list",
    Role.ADMINISTRATOR: "training:runs",
}


@login_required
def home(request: StaffRequest) -> HttpResponse:
    """Lead everybody to the page where their work begins."""
    return redirect(HOMES[Role(request.user.role)])


class Login(LoginView):
    """Let staff in, and slow down whoever guesses."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True
    attempt: login_throttle.LoginAttempt

    def post(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        """Look at the password only while there are tries left."""
        attempt = login_throttle.begin_attempt(
            username=request.POST.get("username", ""), address=request.META["REMOTE_ADDR"]
        )
        if attempt is None:
            return _closed(request)
        self.attempt = attempt
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Open the session of a person whose password was right."""
        self.attempt.forgive()
        answer = super().form_valid(form)
        services.record_login(by=form.get_user(), now=timezone.now())
        return answer

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Say that name and password do not go together."""
        services.record_refused_login(now=timezone.now())
        return super().form_invalid(form)


def _closed(request: HttpRequest) -> HttpResponse:
    answer = render(request, "accounts/too_many.html", status=429)
    answer["Retry-After"] = str(login_throttle.PER_PERSON.seconds)
    return answer


class Logout(LogoutView):
    """End the session."""

    next_page = "accounts:login"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Put on record who leaves, while that is still known."""
        if isinstance(request.user, User):
            services.record_logout(by=request.user, now=timezone.now())
        return super().post(request, *args, **kwargs)


@sensitive_post_parameters()
@never_cache
@login_required
def password(request: StaffRequest) -> HttpResponse:
    """Change one's own password."""
    form = PasswordForm(request.user, request.POST or None)
    if not form.is_valid():
        return render(request, "accounts/password.html", {"form": form})
    services.change_password(by=request.user, password=form.cleaned_data["new_password1"], now=timezone.now())
    update_session_auth_hash(request, request.user)  # this browser stays in, all others are out
    messages.success(request, _("Your password is changed. Other browsers are logged out."))
    return redirect("accounts:profile")


@never_cache
@login_required
def profile(request: StaffRequest) -> HttpResponse:
    """Show who one is here."""
    return _profile(request, token="")


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def keys(request: StaffRequest) -> HttpResponse:
    """Show one's keys, and change them."""
    form = HotkeysForm.of(request.user, request.POST if request.method == "POST" else None)
    if request.method == "GET":
        return render(request, "accounts/keys.html", {"form": form})
    wanted = {} if "at_first" in request.POST else form.wanted()
    try:
        services.set_hotkeys(by=request.user, keys=wanted)
    except InvalidHotkey as refusal:
        form.refuse(refusal.refusals)
        return render(request, "accounts/keys.html", {"form": form}, status=400)
    messages.success(request, _("Your keys are kept. They are the same in every browser."))
    return redirect("accounts:keys")


@never_cache
@require_POST
@login_required
def token(request: StaffRequest) -> HttpResponse:
    """Make an API token and show it this once."""
    return _profile(request, token=services.make_token(by=request.user, now=timezone.now()))


@require_POST
@login_required
def revoke_token(request: StaffRequest) -> HttpResponse:
    """Take the API token back."""
    if services.revoke_token(by=request.user, now=timezone.now()):
        messages.success(request, _("The API token is revoked. Scripts that used it are locked out."))
    return redirect("accounts:profile")


def _profile(request: StaffRequest, *, token: str) -> HttpResponse:
    about = {
        "sites": request.user.sites.all(),
        "has_token": selectors.has_token(request.user),
        "token": token,
    }
    return render(request, "accounts/profile.html", about)
