"""How the API words a refusal."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.http import Http404
from rest_framework import exceptions
from rest_framework.test import APIClient

from diagnostics.accounts.models import User
from diagnostics.errors import DomainError, NotAllowed
from webapp.error_handlers import api_exception


class Taken(DomainError):
    code = "taken"
    status = 409


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DomainError("No."), 400, "refused"),
        (NotAllowed("Not you."), 403, "not_allowed"),
        (Taken("Somebody has it."), 409, "taken"),
        (Http404(), 404, "not_found"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.ValidationError({"view": ["Unknown."]}), 400, "invalid"),
    ],
)
def test_a_refusal_has_a_code_for_scripts_and_a_sentence_for_people(
    error: Exception, status: int, code: str
) -> None:
    response = api_exception(error, {})

    assert response is not None
    assert response.status_code == status
    assert response.data["code"] == code
    assert str(response.data["detail"]).endswith(".")


def test_what_nobody_foresaw_stays_an_error() -> None:
    assert api_exception(ZeroDivisionError(), {}) is None


def test_the_domain_error_keeps_its_own_words() -> None:
    response = api_exception(Taken("Somebody has it."), {})

    assert response is not None
    assert response.data == {"code": "taken", "detail": "Somebody has it."}


def test_each_wrong_field_is_named() -> None:
    response = api_exception(exceptions.ValidationError({"view": ["Unknown."]}), {})

    assert response is not None
    assert response.data["errors"] == {"view": ["Unknown."]}


def test_who_is_unknown_is_asked_for_a_token(db: None) -> None:
    response = APIClient().get("/api/v1/cases/")

    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert response.headers["WWW-Authenticate"] == "Token"
    assert response.json()["code"] == "not_authenticated"


def test_the_schema_is_for_staff(technician: User) -> None:
    assert APIClient().get("/api/v1/schema/").status_code == HTTPStatus.UNAUTHORIZED
    client = APIClient()
    client.force_login(technician)

    assert client.get("/api/v1/schema/").status_code == HTTPStatus.OK
    assert client.get("/api/v1/docs/").status_code == HTTPStatus.OK
