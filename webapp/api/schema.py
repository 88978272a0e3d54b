"""What every operation of the schema has: problem details, entity tags, idempotency keys, limits."""

from __future__ import annotations

from typing import Any, Final

from diagnostics.problems import CONTENT_TYPE

METHODS: Final = ("get", "post")
PROBLEM: Final = {"$ref": "#/components/schemas/Error"}
DEFAULT: Final = {
    "description": "Any other error, such as `not_authenticated`, `throttled` (429 with Retry-After), "
    "`method_not_allowed`, `unsupported_media_type` or `unavailable` (503 with Retry-After)",
    "content": {CONTENT_TYPE: {"schema": PROBLEM}},
}
NOT_MODIFIED: Final = {"description": "Unchanged since the answer with the entity tag of If-None-Match"}
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A random text of the client. A repetition within a day returns the first answer, with "
    "`Idempotency-Replayed: true`; 409 `request_in_progress`; 422 `idempotency_key_reused`",
    "schema": {"type": "string", "maxLength": 255},
}
IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of an earlier answer",
    "schema": {"type": "string"},
}


def complete_operations(result: dict[str, Any], **_generator: Any) -> dict[str, Any]:
    """Add to every operation what the endpoints share; a postprocessing hook of drf-spectacular."""
    for path in result["paths"].values():
        for method in METHODS:
            if method in path:
                _complete(path[method], method)
    return result


def _complete(operation: dict[str, Any], method: str) -> None:
    responses = operation["responses"]
    for status, response in responses.items():
        content = response.get("content", {})
        if not status.startswith(("1", "2", "3")) and "application/json" in content:
            response["content"] = {CONTENT_TYPE: content["application/json"]}
    responses["default"] = DEFAULT
    if method == "get":
        responses["304"] = NOT_MODIFIED
    header = IDEMPOTENCY_KEY if method == "post" else IF_NONE_MATCH
    operation["parameters"] = [*operation.get("parameters", []), header]
