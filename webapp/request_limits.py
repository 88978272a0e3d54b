"""How much of a request is read at all."""

from __future__ import annotations

import io
import json
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class BoundedFormUploads(FileUploadHandler):
    """Refuse a form by its announced length: it would fill the disk before any view could say no.

    Forms are read before the view, even those of people who are not logged in: their CSRF token is inside.
    """

    def handle_raw_input(
        self, input_data: IO[bytes], META: dict[str, str], content_length: int, *more: Any, **options: Any
    ) -> None:
        """Look at the length once per form; files then go to the handlers behind this one."""
        person = getattr(self.request, "user", None)
        known = person is not None and person.is_authenticated
        if content_length > (
            settings.LARGEST_FORM_OF_STAFF if known else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        ):
            raise RequestDataTooBig("A form was refused by its length.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Pass every piece on."""
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Keep nothing here."""


class BoundedJSONParser(JSONParser):
    """Read JSON of a size that is sent by people, and text that can be written down again."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """Return what was sent; raises ParseError or RequestDataTooBig."""
        body = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig("A JSON body was refused by its length.")
        try:
            found = super().parse(io.BytesIO(body), media_type, parser_context)
            json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is no text
        except (RecursionError, UnicodeEncodeError) as trouble:
            raise ParseError from trouble
        return found
