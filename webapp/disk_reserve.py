"""On a full disk, the reserve is released for the database and large uploads are refused unread."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _

from diagnostics import disk

API_PREFIX = "/api/"
RETRY_AFTER = "60"  # seconds


class ReleaseDiskReserve:
    """Check the free space before each request, which takes microseconds.

    A login writes a session, and every page with patient data an audit record: on SQLite they need space.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        disk.release_reserve()
        if _is_written_to_disk(request) and not disk.has_room():
            return _storage_full(request)
        return self.get_response(request)


def _is_written_to_disk(request: HttpRequest) -> bool:
    """Return whether the body is so large that Django would write its files to the disk before the view."""
    length = request.headers.get("Content-Length", "")
    return length.isdigit() and int(length) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE


def _storage_full(request: HttpRequest) -> HttpResponse:
    text = _("The storage is full; nothing was saved. Upload the file again when there is space.")
    headers = {"Retry-After": RETRY_AFTER}
    if request.path.startswith(API_PREFIX):
        body = {"code": "storage_unavailable", "detail": text}
        return JsonResponse(body, status=503, headers=headers)
    if request.headers.get("Accept") == "application/json":  # a script of a page
        body = {"code": "storage_unavailable", "message": text}
        return JsonResponse(body, status=503, headers=headers)
    return HttpResponse(text, status=503, headers=headers, content_type="text/plain; charset=utf-8")
