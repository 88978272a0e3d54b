"""Who may come through a door, asked at pages and at the API."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
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
    """A request of somebody who is logged in, for views behind a guard."""

    user: User


View = Callable[Concatenate[StaffRequest, P], HttpResponseBase]
GuardedView = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def require_permission(what: str) -> Callable[[View[P]], GuardedView[P]]:
    """Open a page to those whose role includes a permission; others read why not, strangers log in."""

    def guard(view: View[P]) -> GuardedView[P]:
        @wraps(view)
        def guarded(request: Any, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _ask_to_log_in(request)
            if not request.user.has_permission(what):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard


def _ask_to_log_in(request: HttpRequest) -> HttpResponse:
    if "HX-Request" not in request.headers:
        return redirect_to_login(request.get_full_path())
    # A fragment must not be replaced by a login page: the whole window goes there instead.
    try:
        here = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:  # no browser sends this
        here = urlsplit("/")
    login = redirect_to_login(f"{here.path or '/'}{'?' if here.query else ''}{here.query}")
    return HttpResponse(status=401, headers={"HX-Redirect": login.url})


class _HasPermission(BasePermission):
    what = ""

    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.user, User) and request.user.has_permission(self.what)


def HasPermission(what: str) -> type[BasePermission]:
    """Make the API's permission class for one permission."""
    return type(f"May{what.title().replace('-', '')}", (_HasPermission,), {"what": what})
