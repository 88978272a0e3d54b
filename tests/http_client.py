"""An HTTP client of a running Readroom: with cookies, as a browser, or with an API token, as a script."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

Fields = Mapping[str, str] | Mapping[str, str | list[str]]
Files = Mapping[str, tuple[str, bytes]]  # field -> (file name, bytes)
TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class HttpResponse:
    """Status, final URL, headers and body of one response."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        """Parse the body as JSON."""
        return json.loads(self.body)


class HttpClient:
    """One session or one API token; a status of 400 and above is returned, not raised.

    `certificate` is trusted in place of the system's authorities.
    """

    def __init__(self, base_url: str, *, token: str = "", certificate: Path | None = None) -> None:
        self.base_url = base_url
        self._headers = {"Authorization": f"Token {token}"} if token else {}
        self._cookies = CookieJar()
        handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPCookieProcessor(self._cookies)]
        if certificate:  # reading the system's authorities takes as long as an upload
            trust = ssl.create_default_context(cafile=certificate)
            handlers.append(urllib.request.HTTPSHandler(context=trust))
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, path: str) -> HttpResponse:
        """Fetch a page and follow redirects."""
        return self._open(urllib.request.Request(urljoin(self.base_url, path), headers=self._headers))

    def post(self, path: str, fields: Fields | None = None, files: Files | None = None) -> HttpResponse:
        """Send a form, with the session's CSRF token if there is one."""
        url = urljoin(self.base_url, path)
        headers = dict(self._headers) | {"Referer": url}
        form: dict[str, Any] = dict(fields or {})
        if csrf := self._cookie("csrftoken"):
            headers["X-CSRFToken"] = csrf
        if files:
            form |= {field: SimpleUploadedFile(*file) for field, file in files.items()}
            body, headers["Content-Type"] = encode_multipart(BOUNDARY, form), MULTIPART_CONTENT
        else:
            body = urlencode(form, doseq=True).encode()
        return self._open(urllib.request.Request(url, data=body, headers=headers, method="POST"))

    def log_in(self, username: str, password: str) -> HttpClient:
        """Log in through the login page."""
        page = self.get("/accounts/login/")
        csrf_field = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert csrf_field, "the login page has no form"
        form = {"username": username, "password": password, "csrfmiddlewaretoken": csrf_field[1]}
        response = self.post("/accounts/login/", form)
        assert self._cookie("sessionid"), f"login of {username} failed with status {response.status}"
        return self

    def _cookie(self, name: str) -> str | None:
        return next((cookie.value for cookie in self._cookies if cookie.name == name), None)

    def _open(self, request: urllib.request.Request) -> HttpResponse:
        try:
            with self._opener.open(request, timeout=TIMEOUT) as reply:
                return HttpResponse(reply.status, reply.url, dict(reply.headers), reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return HttpResponse(error.code, error.url or "", dict(error.headers), error.read())
