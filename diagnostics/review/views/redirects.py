"""Redirects for the reading page's own script: it is told where to go and draws the page itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
ASKED, TOLD = "X-Readroom-Go", "X-Readroom-To"


def redirect_for_scripts(view: View[P]) -> View[P]:
    """Answer a script that asks so with the address of a redirect; a browser alone is sent there as ever."""

    @wraps(view)
    def telling(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        answer = view(request, *args, **kwargs)
        if answer.status_code != 302 or ASKED not in request.headers:
            return answer
        told = HttpResponse(status=204, headers={TOLD: answer["Location"]})
        told.cookies = answer.cookies
        return told

    return telling
