"""Errors whose message the user may read, as a page, where a view does not show them itself."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from diagnostics.errors import DomainError


class DomainErrorPages:
    """Answer a DomainError of a page with its message and status, for example a user without a site."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Return the page of a DomainError; None leaves any other error to Django."""
        if not isinstance(error, DomainError):
            return None
        response = render(request, "error.html", {"text": str(error)}, status=error.status)
        if error.retry_after:
            response["Retry-After"] = str(error.retry_after)
        return response
