"""Limits on the size of a request body."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from webapp.request_framing import MAX_BUFFERED_BODY

API_PREFIX = "/api/"  # its views check permissions before they parse a body


class AnonymousBodies:
    """Reject a long body of an anonymous user unread: a slow sender would occupy a thread.

    The web process buffers shorter ones. Django parses the form of any visitor before the view runs, because
    the form contains the CSRF token.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        is_long = length.isdecimal() and int(length) > MAX_BUFFERED_BODY
        if is_long and not request.path.startswith(API_PREFIX) and not request.user.is_authenticated:
            raise RequestDataTooBig("Only logged-in users may send a long form.")
        return self.get_response(request)


class BoundedFormUploads(FileUploadHandler):
    """Reject a form by its Content-Length, before its files fill the disk.

    Django parses the form of any visitor before the view runs, because the form contains the CSRF token.
    """

    def handle_raw_input(
        self, input_data: IO[bytes], META: dict[str, str], content_length: int, *more: Any, **options: Any
    ) -> None:
        """Raise RequestDataTooBig for a form above the limit; the next handlers receive the files."""
        user = getattr(self.request, "user", None)
        is_staff = user is not None and user.is_authenticated
        limit = settings.MAX_STAFF_FORM_BYTES if is_staff else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if content_length > limit:
            raise RequestDataTooBig("The form exceeds the size limit.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Return the chunk unchanged for the next handler."""
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Return None: this handler stores no files."""


class BoundedJSONParser(JSONParser):
    """Parse JSON up to a size limit, whose text can be encoded as UTF-8."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Return the parsed body; raises ParseError or RequestDataTooBig."""
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig("The JSON body exceeds the size limit.")
        try:
            data = super().parse(io.BytesIO(body), media_type, parser_context)
            json.dumps(data, ensure_ascii=False).encode()  # fails for an unpaired surrogate
        except (RecursionError, UnicodeEncodeError) as error:
            raise ParseError from error
        return data
