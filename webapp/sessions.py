"""Session limits: an idle timeout, a maximum age, and the second factor that a site demands."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _

from diagnostics.accounts import selectors
from diagnostics.accounts.models import User
from diagnostics.problems import problem
from webapp.error_handlers import API_PREFIX, problem_response

WRITE_INTERVAL = 60  # seconds; avoids one database write for each request
ENROLMENT_ROUTES = (
    *("factors", "factor-app", "factor-passkey", "factor-codes", "confirm", "password", "logout", "login"),
)


class SessionLimits:
    """End sessions that are too old or idle for too long."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.COOKIES.get(settings.SESSION_COOKIE_NAME) and SESSION_KEY in request.session:
            self._check(request)
        return self.get_response(request)

    def _check(self, request: HttpRequest) -> None:
        now = timezone.now().timestamp()
        age = now - request.session.setdefault("began_at", now)
        idle = now - request.session.setdefault("seen_at", now)
        if age > settings.SESSION_MAX_AGE.total_seconds() or (
            idle > WRITE_INTERVAL and idle > _idle_timeout(request)
        ):
            request.session.flush()
        elif idle > WRITE_INTERVAL and not _is_polling(request):
            request.session["seen_at"] = now


class RequiredSecondFactor:
    """Lead users without a second factor to its enrolment where their site demands one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            request.COOKIES.get(settings.SESSION_COOKIE_NAME)
            and isinstance(request.user, User)
            and _lacks_required_factor(request, request.user)
            and not _is_enrolment(request.path)
        ):
            return _enrolment(request)
        return self.get_response(request)


def _lacks_required_factor(request: HttpRequest, user: User) -> bool:
    """Return whether the user must enrol first; the database is asked once a minute, or while it is so."""
    now, session = timezone.now().timestamp(), request.session
    if session.get("must_enrol") or now - session.get("factor_checked_at", 0) > WRITE_INTERVAL:
        rules = selectors.session_rules(user)
        by_provider = session.get("second_factor_by_provider", False)
        session["must_enrol"] = rules.must_enrol and not by_provider
        session["at_demonstration"] = rules.at_demonstration
        session["factor_checked_at"] = now
    return bool(session.get("must_enrol"))


def _is_enrolment(path: str) -> bool:
    # The addresses are compared, not the resolved route, which is not known before the view.
    return path in {resolve_url(f"accounts:{name}") for name in ENROLMENT_ROUTES}


def _enrolment(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(API_PREFIX):
        detail = _("Your site demands a second factor. Log in with a browser to add one.")
        return problem_response(problem("second_factor_required", detail, 403))
    if "HX-Request" in request.headers:
        return HttpResponse(status=403, headers={"HX-Redirect": resolve_url("accounts:factors")})
    return redirect("accounts:factors")


def _idle_timeout(request: HttpRequest) -> float:
    """Return the seconds after which an unused session ends, by the policy of the user's sites."""
    return selectors.idle_timeout(UUID(request.session[SESSION_KEY])).total_seconds()


def _is_polling(request: HttpRequest) -> bool:
    """Return whether a page refreshed itself, which does not show that a user is present."""
    is_get = request.method == "GET" and "HX-Request" in request.headers
    return is_get or "X-Readroom-Polling" in request.headers  # a search is posted, also when it is repeated
