"""Permission checks of pages and API endpoints."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from diagnostics.accounts.models import User

P = ParamSpec("P")


class StaffRequest(HttpRequest):
    """A request of a logged-in user."""

    user: User


View = Callable[Concatenate[StaffRequest, P], HttpResponseBase]
ProtectedView = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def require_permission(permission: str) -> Callable[[View[P]], ProtectedView[P]]:
    """Restrict a view to roles with a permission: other roles get 403, anonymous users the login page."""

    def decorator(view: View[P]) -> ProtectedView[P]:
        @require_login
        @wraps(view)
        def protected(request: StaffRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.has_permission(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return protected

    return decorator


def require_login(view: View[P]) -> ProtectedView[P]:
    """Restrict a view to staff of any role: anonymous users get the login page."""

    @wraps(view)
    def protected(request: Any, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _redirect_to_login(request)
        return view(request, *args, **kwargs)

    return protected


def _redirect_to_login(request: HttpRequest) -> HttpResponse:
    if "HX-Request" not in request.headers:
        return redirect_to_login(_page_of(request))
    # htmx would insert the login page into the fragment; this header redirects the whole window.
    try:
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:  # no browser sends such a URL
        page = urlsplit("/")
    login = redirect_to_login(f"{page.path or '/'}{'?' if page.query else ''}{page.query}")
    return HttpResponse(status=401, headers={"HX-Redirect": login.url})


def _page_of(request: HttpRequest) -> str:
    """Return the page to open after the login: of a POST, the page that has sent it."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    try:
        page = urlsplit(request.headers.get("Referer", ""))
    except ValueError:  # no browser sends such a URL
        return "/"
    is_own = page.netloc == request.get_host() and page.path
    return f"{page.path}{'?' if page.query else ''}{page.query}" if is_own else "/"


class _HasPermission(BasePermission):
    permission = ""

    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.user, User) and request.user.has_permission(self.permission)


def HasPermission(permission: str) -> type[BasePermission]:
    """Return the REST framework permission class of one permission."""
    name = f"Has{permission.title().replace('-', '')}Permission"
    return type(name, (_HasPermission,), {"permission": permission})


def actor(request: Request) -> User:
    """Return the user of an API request that a permission class has admitted."""
    return cast(User, request.user)
