"""Errors of the API: status, code and text."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.http import Http404
from rest_framework import exceptions
from rest_framework.test import APIClient

from diagnostics.accounts.models import User
from diagnostics.errors import DomainError, NotAllowed
from webapp.error_handlers import api_exception


class Conflict(DomainError):
    code = "conflict"
    status = 409


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DomainError("Not possible."), 400, "refused"),
        (NotAllowed("Not permitted."), 403, "not_allowed"),
        (Conflict("Another user has claimed it."), 409, "conflict"),
        (Http404(), 404, "not_found"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.ValidationError({"view": ["Unknown."]}), 400, "invalid"),
    ],
)
def test_an_error_has_a_status_a_code_and_a_sentence(error: Exception, status: int, code: str) -> None:
    response = api_exception(error, {})

    assert response is not None
    assert response.status_code == status
    assert response.data["code"] == code
    assert str(response.data["detail"]).endswith(".")


def test_an_unexpected_error_is_not_converted() -> None:
    assert api_exception(ZeroDivisionError(), {}) is None


def test_a_domain_error_keeps_its_message() -> None:
    response = api_exception(Conflict("Another user has claimed it."), {})

    assert response is not None
    assert response.data == {
        "type": "urn:readroom:problem:conflict",
        "title": "Conflict",
        "status": 409,
        "code": "conflict",
        "detail": "Another user has claimed it.",
    }


def test_each_invalid_field_is_named() -> None:
    response = api_exception(exceptions.ValidationError({"view": ["Unknown."]}), {})

    assert response is not None
    assert response.data["errors"] == {"view": ["Unknown."]}


def test_an_anonymous_request_gets_401_and_the_token_scheme(db: None) -> None:
    response = APIClient().get("/api/v1/cases/")

    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert response.headers["WWW-Authenticate"] == "Token"
    assert response.json()["code"] == "not_authenticated"


def test_the_schema_requires_a_login(technician: User) -> None:
    assert APIClient().get("/api/v1/schema/").status_code == HTTPStatus.UNAUTHORIZED
    client = APIClient()
    client.force_login(technician)

    assert client.get("/api/v1/schema/").status_code == HTTPStatus.OK
    assert client.get("/api/v1/docs/").status_code == HTTPStatus.OK
