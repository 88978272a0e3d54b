"""Errors of the API as problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

CONTENT_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:readroom:problem:"  # a name, not an address: a script compares `code`


def problem(code: str, detail: str, status: int, **members: Any) -> dict[str, Any]:
    """Return the body of an error; `members` are further fields, such as the errors of a form."""
    return {
        "type": f"{TYPE_PREFIX}{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **members,
    }
