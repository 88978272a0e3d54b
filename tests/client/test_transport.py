"""The client's requests: repeated with one key, refused as exceptions, lists page by page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from docs.make_client_types import SCHEMA, TARGET, module
from readroom import Client, Refused, TimedOut, Unavailable, credentials
from readroom.errors import NoToken, NotPermitted
from readroom.transport import Transport

URL = "http://readroom.example"
Answer = httpx.Response | Exception


class Server:
    """Answers requests in turn, and keeps them."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []
        self._answers: Iterator[Answer] = iter(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def options(self) -> dict[str, Any]:
        return {"transport": httpx.MockTransport(self), "sleep": self.waits.append}


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": "A reason."}, headers=headers)


def test_a_change_is_repeated_with_the_same_key_after_a_lost_answer() -> None:
    server = Server(
        httpx.ConnectError("gone"),
        httpx.ReadTimeout("late"),
        problem(503, "busy", **{"Retry-After": "7"}),
        problem(409, "request_in_progress", **{"Retry-After": "2"}),
        problem(429, "throttled", **{"Retry-After": "31"}),
        httpx.Response(201, json={"id": "1"}),
    )
    api = Transport(URL, "t0ken", **server.options())

    assert api.post("versions/rollback/", {"reason": "It missed a radiograph."}) == {"id": "1"}

    assert len({request.headers["Idempotency-Key"] for request in server.requests}) == 1
    assert {request.content for request in server.requests} == {server.requests[0].content}
    assert server.waits == [0.5, 1.0, 7.0, 2.0, 31.0]
    assert server.requests[0].headers["Authorization"] == "Token t0ken"


def test_two_changes_have_different_keys() -> None:
    server = Server(httpx.Response(204), httpx.Response(204))
    api = Transport(URL, "", **server.options())

    assert [api.post("cases/1/confirm/"), api.post("cases/1/confirm/")] == [None, None]
    assert len({request.headers["Idempotency-Key"] for request in server.requests}) == 2


def test_a_server_that_stays_away_is_unavailable() -> None:
    server = Server(*[httpx.ConnectError("gone")] * 6)

    with pytest.raises(Unavailable, match="ConnectError"):
        Transport(URL, "", **server.options()).get("me/")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Refused), (409, Refused), (422, Refused), (401, NotPermitted), (403, NotPermitted)],
)
def test_a_refusal_keeps_code_and_message_and_is_not_repeated(status: int, kind: type[Refused]) -> None:
    server = Server(problem(status, "a_code"))

    with pytest.raises(kind) as refused:
        Transport(URL, "", **server.options()).get("cases/")

    assert (refused.value.code, str(refused.value), refused.value.status) == ("a_code", "A reason.", status)
    assert len(server.requests) == 1


def test_a_list_is_followed_to_its_last_page() -> None:
    following = f"{URL}/api/v1/cases/?cursor=2"
    server = Server(
        httpx.Response(200, json={"results": [{"id": "1"}, {"id": "2"}], "next": following}),
        httpx.Response(200, json={"results": [{"id": "3"}], "next": None}),
    )

    rows = Transport(URL, "", **server.options()).pages("cases/", status="done", ordering=None)

    assert [row["id"] for row in rows] == ["1", "2", "3"]
    assert [str(request.url) for request in server.requests] == [
        f"{URL}/api/v1/cases/?status=done",
        following,
    ]


def test_waiting_ends_with_the_last_case_and_keeps_their_order() -> None:
    def case(pk: str, status: str) -> httpx.Response:
        return httpx.Response(200, json={"id": pk, "status": status})

    server = Server(case("a", "queued"), case("b", "done"), case("a", "failed"))
    with Client(URL, "", **server.options()) as readroom:
        done = readroom.wait(["a", "b"])

    assert [(each["id"], each["status"]) for each in done] == [("a", "failed"), ("b", "done")]


def test_waiting_has_a_limit() -> None:
    times = iter([0.0, 5.0, 11.0])
    server = Server(*[httpx.Response(200, json={"id": "a", "status": "queued"})] * 2)

    with Client(URL, "", clock=lambda: next(times), **server.options()) as readroom, pytest.raises(TimedOut):
        readroom.wait(["a"], timeout=10)


def test_a_stored_token_is_the_users_alone(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    file = credentials.token_file(environment)
    credentials.store_token(f"{URL}/", "t0ken", file)

    assert credentials.read_token(URL, environment) == "t0ken"
    assert file.stat().st_mode & 0o777 == 0o600
    assert credentials.read_token(URL, environment | {"READROOM_TOKEN": "other\n"}) == "other"
    credentials.store_token(URL, "", file)
    with pytest.raises(NoToken, match="readroom login"):
        credentials.read_token(URL, environment)


def test_a_token_that_other_users_may_read_is_not_used(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    file = credentials.token_file(environment)
    credentials.store_token(URL, "t0ken", file)
    file.chmod(0o640)

    with pytest.raises(NoToken, match="chmod 600"):
        credentials.read_token(URL, environment)


def test_the_generated_types_are_those_of_the_schema() -> None:
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))

    assert TARGET.read_text(encoding="utf-8") == module(schema), "run `make openapi`"
