"""The id of a request: in the response, in the log, on error pages, and from a trusted proxy only."""

from __future__ import annotations

import logging
import re

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from webapp import request_id
from webapp.request_id import AddRequestId, RequestId

LOGIN = "/accounts/login/"
GIVEN = "proxy-0123456789"


def test_two_requests_have_different_ids(client: Client, db: None) -> None:
    first, second = (client.get(LOGIN)["X-Request-ID"] for _ in range(2))

    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


def test_the_id_of_a_trusted_proxy_is_kept(client: Client, db: None, settings: Settings) -> None:
    settings.PROXIES = 1

    assert client.get(LOGIN, headers={"X-Request-ID": GIVEN})["X-Request-ID"] == GIVEN


def test_the_id_of_a_client_is_ignored(client: Client, db: None) -> None:
    assert client.get(LOGIN, headers={"X-Request-ID": GIVEN})["X-Request-ID"] != GIVEN


@pytest.mark.parametrize("given", ["short", "x" * 65, "line\\nbreak-000", "<script>alert(1)</script>", ""])
def test_a_malformed_id_is_replaced(given: str, client: Client, db: None, settings: Settings) -> None:
    settings.PROXIES = 1

    assert re.fullmatch("[0-9a-f]{32}", client.get(LOGIN, headers={"X-Request-ID": given})["X-Request-ID"])


def test_log_records_of_a_request_carry_its_id() -> None:
    records = []

    def view(request: HttpRequest) -> HttpResponse:
        record = logging.makeLogRecord({"msg": "inside"})
        AddRequestId().filter(record)
        records.append(record)
        return HttpResponse()

    response = RequestId(view)(RequestFactory().get("/"))

    assert [record.__dict__["request_id"] for record in records] == [response["X-Request-ID"]]
    assert request_id.current() == "-"
