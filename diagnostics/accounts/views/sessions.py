"""Login in one or two steps, logout, and the confirmation of the password within a session."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import urlencode

from diagnostics.accounts import login_throttle, openid, selectors, services
from diagnostics.accounts.forms import LoginForm
from diagnostics.accounts.models import User
from diagnostics.accounts.permissions import StaffRequest
from diagnostics.accounts.services import attempts

P = ParamSpec("P")
BROWSER_COOKIE: Final = "readroom_browser"
BROWSER_AGE: Final = timedelta(days=180)
BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
MAX_AGENT: Final = 200  # characters of what a browser calls itself
CONFIRMED: Final = timedelta(minutes=15)  # how long a password counts as just typed


class Login(LoginView):
    """The login page: user name and password; failed attempts are limited."""

    template_name = "accounts/login.html"
    authentication_form = LoginForm
    redirect_authenticated_user = True
    http_method_names = ["get", "post", "head", "options"]
    attempt: attempts.Attempt

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the ways to log in."""
        name = settings.OIDC_NAME if openid.is_configured() else ""
        return super().get_context_data(**kwargs) | {
            "sign_on_name": name,
            "local_login": settings.LOCAL_LOGIN,
        }

    def post(self, request: HttpRequest, *args: str, **kwargs: Any) -> HttpResponse:
        """Check the password unless a limit of failed attempts is reached."""
        if not settings.LOCAL_LOGIN:
            raise PermissionDenied
        username = request.POST.get("username", "")
        self.attempt = attempts.begin_login(
            username=username,
            address=request.META["REMOTE_ADDR"],
            browser=known_browser(request, username),
            now=timezone.now(),
        )
        if self.attempt.wait:
            return too_many_attempts(request, self.attempt.wait)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Start the session, or ask for the second factor."""
        user: Any = form.get_user()
        self.attempt.succeed(now=timezone.now())
        if not selectors.has_second_factor(user):
            return start_session(self.request, user, then=self.get_success_url())
        self.request.session.cycle_key()
        self.request.session["pending_login"] = {
            "user": str(user.pk),
            "state": user.credential_state(),
            "at": timezone.now().timestamp(),
            "then": self.get_success_url(),
        }
        return redirect("accounts:second-factor")

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Record the failed attempt and show the form again."""
        username = self.request.POST.get("username", "")
        attempts.record_failure(attempt=self.attempt, username=username, now=timezone.now())
        return super().form_invalid(form)


class Logout(LogoutView):
    """End the session."""

    next_page = "accounts:login"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Record the logout while the user is still known."""
        if isinstance(request.user, User):
            services.record_logout(by=request.user, now=timezone.now())
        is_signed_on = request.session.get("signed_on", False) and openid.is_configured()
        response = super().post(request, *args, **kwargs)
        return redirect("accounts:signed-out") if is_signed_on else response


def start_session(request: HttpRequest, user: User, *, then: str) -> HttpResponse:
    """Log a user in whose password and second factor were right, and redirect to a page."""
    now = timezone.now()
    login(request, user, backend=BACKEND)
    request.session["confirmed_at"] = now.timestamp()
    request.session["agent"] = request.headers.get("User-Agent", "")[:MAX_AGENT]
    services.record_login(by=user, now=now)
    return remember_browser(redirect(then), user)


def remember_browser(response: HttpResponse, user: User) -> HttpResponse:
    """Give the browser its own limit of failed logins, which attempts from elsewhere do not use up."""
    value = [login_throttle.normalized(user.username), secrets.token_hex(16)]
    response.set_cookie(
        BROWSER_COOKIE,
        signing.dumps(value, salt=BROWSER_COOKIE),
        max_age=BROWSER_AGE,
        path=resolve_url("accounts:login"),
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


def known_browser(request: HttpRequest, username: str) -> str:
    """Return the id of a browser in which this user has logged in before, else an empty string."""
    cookie = request.COOKIES.get(BROWSER_COOKIE, "")
    try:
        user, browser = signing.loads(cookie, salt=BROWSER_COOKIE, max_age=BROWSER_AGE)
    except signing.BadSignature:
        return ""
    return str(browser) if user == login_throttle.normalized(username) else ""


def too_many_attempts(request: HttpRequest, wait: int) -> HttpResponse:
    """Return the page that tells how long to wait."""
    minutes = -(-wait // login_throttle.MINUTE)
    response = render(request, "accounts/too_many.html", {"minutes": minutes}, status=429)
    response["Retry-After"] = str(wait)
    return response


def confirm_password_first(
    page: str,
) -> Callable[
    [Callable[Concatenate[StaffRequest, P], HttpResponseBase]],
    Callable[Concatenate[StaffRequest, P], HttpResponseBase],
]:
    """Return a decorator that asks for the password again unless it was typed within the last minutes.

    `page` is the route to which a user returns whose POST was not confirmed.
    """

    def decorator(
        view: Callable[Concatenate[StaffRequest, P], HttpResponseBase],
    ) -> Callable[Concatenate[StaffRequest, P], HttpResponseBase]:
        @wraps(view)
        def confirmed(request: StaffRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            age = timezone.now().timestamp() - request.session.get("confirmed_at", 0)
            if age <= CONFIRMED.total_seconds():
                return view(request, *args, **kwargs)
            then = request.path if request.method == "GET" else resolve_url(page)
            return redirect(f"{resolve_url('accounts:confirm')}?{urlencode({'next': then})}")

        return confirmed

    return decorator


require_confirmed_password = confirm_password_first("accounts:factors")
