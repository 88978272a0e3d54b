"""Requests of every operation of the OpenAPI document, drawn by schemathesis from its schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from django.db import transaction
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings as DjangoSettings
from requests import Request

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Scope
from diagnostics.accounts.services import tokens
from tests.webapp.access_objects import AccessObjects

BASE_URL: Final = "http://testserver"
DRAWN: Final = ("if-none-match", "idempotency-key")
REFUSED: Final = "application/problem+json"


@pytest.mark.slow
def test_no_drawn_request_of_an_administrator_is_a_server_error(
    objects: AccessObjects, administrator: User, settings: DjangoSettings
) -> None:
    settings.API_RATE = 0
    send_drawn_requests(administrator, objects, examples=6)


@pytest.mark.nightly
@pytest.mark.parametrize("role", ["administrator", "radiologist", "technician"])
def test_none_of_a_hundred_drawn_requests_of_each_operation_is_a_server_error(
    role: str, objects: AccessObjects, request: pytest.FixtureRequest, settings: DjangoSettings
) -> None:
    settings.API_RATE = 0
    send_drawn_requests(request.getfixturevalue(role), objects, examples=100)


def send_drawn_requests(user: User, objects: AccessObjects, *, examples: int) -> None:
    """Send requests of every operation with an API token of all scopes, each rolled back."""
    key = tokens.create_token(by=user, now=timezone.now(), scopes=list(Scope))
    client = Client(headers={"Authorization": f"Token {key}"})  # raises what the server would log as a 500
    schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
    known = known_objects(objects)
    sent = [draw_requests(operation, known, client, examples) for operation in operations(schema)]
    assert sum(sent) >= len(sent) > 50


def draw_requests(operation: Any, known: list[str], client: Client, examples: int) -> int:
    """Send the drawn requests of one operation; return how many."""
    sent = 0

    @hypothesis_settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), data=st.data())
    def draw(case: Any, data: st.DataObject) -> None:
        nonlocal sent
        for name, value in case.path_parameters.items():
            # A drawn id exists nowhere: the operation would only ever answer 404.
            case.path_parameters[name] = data.draw(st.sampled_from(known)) if _is_id(value) else value
        with transaction.atomic():
            response = send(case, client)
            content = b"".join(response)
            transaction.set_rollback(True)
        assert response.status_code < 500, content
        assert response.status_code < 400 or response["Content-Type"] == REFUSED, content
        sent += 1

    draw()
    return sent


def send(case: Any, client: Client) -> Any:
    """Send a drawn request as a client on the network would encode it."""
    sent = Request(**case.as_transport_kwargs(base_url=BASE_URL)).prepare()
    headers = {name: str(value) for name, value in sent.headers.items() if name.lower() in DRAWN}
    body = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
    content_type = str(sent.headers.get("Content-Type", ""))
    return client.generic(str(sent.method), sent.path_url, body, content_type, headers=headers)


def operations(schema: Any) -> Iterator[Any]:
    """Yield the operations of a document; raises where one of them is not valid."""
    for result in schema.get_all_operations():
        yield result.ok()


def known_objects(objects: AccessObjects) -> list[str]:
    """Return the ids of one object of each kind."""
    named = {str(arg) for name, args in objects.args.items() if name.startswith("api-") for arg in args}
    return sorted(each for each in named if _is_id(each))


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 36 and value.count("-") == 4
