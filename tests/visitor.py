"""Somebody outside who speaks HTTP to a running Readroom: with cookies, or with an API token."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode, urljoin

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

Fields = Mapping[str, str]
Files = Mapping[str, tuple[str, bytes]]  # field -> (file name, bytes)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)


class Visitor:
    """One person or script; a status of 400 and above is an answer, not an exception."""

    def __init__(self, base_url: str, *, token: str = "") -> None:
        self.base_url = base_url
        self._headers = {"Authorization": f"Token {token}"} if token else {}
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def get(self, path: str) -> Answer:
        """Fetch a page, following redirects."""
        return self._open(urllib.request.Request(urljoin(self.base_url, path), headers=self._headers))

    def post(self, path: str, fields: Fields | None = None, files: Files | None = None) -> Answer:
        """Send a form, with the CSRF token of a browser when there is one."""
        url = urljoin(self.base_url, path)
        headers = dict(self._headers) | {"Referer": url}
        form: dict[str, Any] = dict(fields or {})
        if csrf := self._cookie("csrftoken"):
            headers["X-CSRFToken"] = csrf
        if files:
            form |= {field: SimpleUploadedFile(*file) for field, file in files.items()}
            body, headers["Content-Type"] = encode_multipart(BOUNDARY, form), MULTIPART_CONTENT
        else:
            body = urlencode(form).encode()
        return self._open(urllib.request.Request(url, data=body, headers=headers, method="POST"))

    def log_in(self, username: str, password: str) -> Visitor:
        """Log in through the login page."""
        page = self.get("/accounts/login/")
        hidden = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert hidden, "the login page has no form"
        form = {"username": username, "password": password, "csrfmiddlewaretoken": hidden[1]}
        answer = self.post("/accounts/login/", form)
        assert self._cookie("sessionid"), f"{username} was not let in: {answer.status}"
        return self

    def _cookie(self, name: str) -> str | None:
        return next((cookie.value for cookie in self._cookies if cookie.name == name), None)

    def _open(self, request: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(request, timeout=60) as reply:
                return Answer(reply.status, reply.url, dict(reply.headers), reply.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Answer(refusal.code, refusal.url or "", dict(refusal.headers), refusal.read())
