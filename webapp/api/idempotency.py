"""The Idempotency-Key of POST requests below /api/."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from diagnostics.accounts.errors import InvalidToken
from diagnostics.accounts.models import User
from diagnostics.accounts.services import tokens
from diagnostics.errors import DomainError
from diagnostics.integrations.models import IdempotentRequest
from diagnostics.integrations.services import idempotency
from diagnostics.problems import problem
from webapp.error_handlers import is_api, problem_response

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
FORM: Final = "multipart/form-data"
CHUNK: Final = 1024 * 1024


class IdempotencyKeys:
    """Carry out a POST with a key once, and answer its repetitions with the stored answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = request.headers.get(HEADER)
        sender = (
            _sender(request) if key is not None and request.method == "POST" and is_api(request) else None
        )
        if key is None or sender is None:
            return self.get_response(request)  # without a valid login the view refuses it
        try:
            return self._answer(request, key, *sender)
        except DomainError as error:
            response = problem_response(problem(error.code, str(error), error.status))
            if error.retry_after:
                response.headers["Retry-After"] = str(error.retry_after)
            return response

    def _answer(self, request: HttpRequest, key: str, user: User, owner: UUID) -> HttpResponse:
        if request.content_type != FORM:
            _ = request.body  # the view would consume it; a form is parsed by the view and read again below
        stored = idempotency.begin(key=key, owner=owner, path=request.path, by=user, now=timezone.now())
        if stored.status is not None:
            request.user = user  # whose limit applies to the form
            idempotency.require_same(request=stored, fingerprint=fingerprint(request))
            return _replay(stored)
        response = self.get_response(request)
        if not 200 <= response.status_code < 300 or response.streaming:
            idempotency.abandon(request=stored)
            return response
        idempotency.finish(
            request=stored,
            fingerprint=fingerprint(request),
            status=response.status_code,
            body=response.content.decode(),
        )
        return response


def fingerprint(request: HttpRequest) -> str:
    """Return a digest of a request; the boundary of a form, which each attempt chooses anew, is no part."""
    digest = sha256(json.dumps([request.method, request.get_full_path(), request.content_type]).encode())
    if request.content_type != FORM:
        digest.update(request.body)
        return digest.hexdigest()
    digest.update(json.dumps(sorted((name, values) for name, values in request.POST.lists())).encode())
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            digest.update(json.dumps([name, file.name, file.size]).encode())
            file.seek(0)
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _sender(request: HttpRequest) -> tuple[User, UUID] | None:
    """Return the user and the owner of the key: a token has keys of its own; None without a valid login."""
    scheme, _separator, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "token":
        try:
            token = tokens.authenticate_token(key=key.strip(), now=timezone.now())
        except InvalidToken:
            return None
        return token.user, token.pk
    return (request.user, request.user.pk) if isinstance(request.user, User) else None


def _replay(stored: IdempotentRequest) -> HttpResponse:
    response = HttpResponse(stored.body, status=stored.status, content_type="application/json")
    response.headers[REPLAYED] = "true"
    return response
