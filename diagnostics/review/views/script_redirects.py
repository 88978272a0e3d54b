"""Redirects as a response header, for the script that loads the next reading page in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from diagnostics.accounts.permissions import StaffRequest

P = ParamSpec("P")
View = Callable[Concatenate[StaffRequest, P], HttpResponseBase]
REQUEST_HEADER: Final = "X-Readroom-Navigate"
LOCATION_HEADER: Final = "X-Readroom-Location"


def redirect_for_scripts(view: View[P]) -> View[P]:
    """Return a redirect's address in a header of a 204 response if the request asks for it."""

    @wraps(view)
    def wrapped(request: StaffRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if response.status_code != 302 or REQUEST_HEADER not in request.headers:
            return response
        without_redirect = HttpResponse(status=204, headers={LOCATION_HEADER: response["Location"]})
        without_redirect.cookies = response.cookies
        return without_redirect

    return wrapped
