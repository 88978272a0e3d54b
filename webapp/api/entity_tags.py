"""Entity tags of the API: a client that polls receives 304 while nothing has changed (RFC 9110)."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from webapp.error_handlers import is_api

MAX_BYTES: Final = 4 * 1024**2  # of a body that is hashed


class EntityTags:
    """Give each answer to GET an entity tag; the request is checked, answered and audited in any case."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not _is_tagged(request, response):
            return response
        etag = f'"{sha256(response.content).hexdigest()[:32]}"'
        response.headers["ETag"] = etag
        conditional = get_conditional_response(request, etag=etag, response=response)
        return response if conditional is None else conditional


def _is_tagged(request: HttpRequest, response: HttpResponse) -> bool:
    return (
        is_api(request)
        and request.method in ("GET", "HEAD")
        and response.status_code == 200
        and not response.streaming
        and not response.has_header("ETag")
        and len(response.content) <= MAX_BYTES
    )
