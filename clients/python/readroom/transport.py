"""Requests to the API: retried with the same idempotency key, errors as exceptions, lists page by page."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from gettext import gettext as _
from typing import Any, Final

import httpx

from readroom.errors import NotPermitted, Refused, Unavailable

RETRIES: Final = 5
MAX_WAIT: Final = 60.0  # seconds between two attempts
AGAIN: Final = frozenset({429, 502, 503, 504})
Sleep = Callable[[float], None]


class Transport:
    """One server with one API token."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        retries: int = RETRIES,
        timeout: float = 120.0,
        sleep: Sleep = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Token {token}", "Accept": "application/json"}
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1/", headers=headers, timeout=timeout, transport=transport
        )
        self._retries, self._sleep = retries, sleep

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON of an address; raises Refused or Unavailable."""
        return self._send("GET", path, params=_given(params)).json()

    def bytes_of(self, path: str) -> bytes:
        """Return the bytes of a file; raises Refused or Unavailable."""
        return self._send("GET", path, headers={"Accept": "*/*"}).content

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a change once, however often it is repeated; None where the answer is empty."""
        return _json(self._send("POST", path, json=dict(body or {}), headers=_new_key()))

    def post_file(self, path: str, field: str, name: str, content: bytes, **fields: Any) -> Any:
        """Send a file with the fields of a form."""
        files = {field: (name, content, "application/octet-stream")}
        data = {key: str(value) for key, value in _given(fields).items()}
        return _json(self._send("POST", path, files=files, data=data, headers=_new_key()))

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list, one page after the other."""
        body = self.get(path, **params)
        while True:
            yield from body["results"]
            if not body["next"]:
                return
            body = self._send("GET", body["next"]).json()

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        reason, wait = "", 0.0
        for attempt in range(self._retries + 1):
            if attempt:
                self._sleep(wait)
            wait = min(MAX_WAIT, 0.5 * 2**attempt)
            try:
                response = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                reason = type(error).__name__
                continue
            if not _is_passing(response):
                return _checked(response)
            reason = f"HTTP {response.status_code}"
            wait = _retry_after(response) or wait
        raise Unavailable(
            _("The server could not answer (%(reason)s). Check its address and try again.")
            % {"reason": reason}
        )


def _new_key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _is_passing(response: httpx.Response) -> bool:
    in_progress = response.status_code == 409 and _problem(response).get("code") == "request_in_progress"
    return response.status_code in AGAIN or in_progress


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return min(MAX_WAIT, float(text)) if text.isdecimal() else 0.0


def _checked(response: httpx.Response) -> httpx.Response:
    if response.status_code in (401, 403):
        raise NotPermitted(_problem(response), response.status_code)
    if response.status_code >= 400:
        raise Refused(_problem(response), response.status_code)
    return response


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _json(response: httpx.Response) -> Any:
    return response.json() if response.content else None
