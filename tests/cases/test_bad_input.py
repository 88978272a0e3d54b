"""Invalid input: the API responds with a code, and no file ends the web process."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from diagnostics.accounts import services as accounts
from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from tests.cases.conftest import SendRadiograph
from tests.hostile_files import ACCEPTED, MEGABYTE, Reply, send_until_free, specimens
from tests.mutants import mutants, valid_images
from tests.radiographs import radiograph_png
from tests.servers import wait_until
from tests.stack import Stack

LIST: Final = "/api/v1/cases/"
INVALID: Final[dict[str, str]] = {
    "nothing": "",
    "a space": " ",
    "65 characters": "x" * 65,
    "100,000 characters": "x" * 100_000,
    "NUL": "a\0b",
    "a line break": "a\r\nSet-Cookie: b=c",
    "not ASCII": "é🫁",
    "turned around": "\u202egnp",
    "a negative number": "-1",
    "zero": "0",
    "a huge number": "9" * 400,
    "no number": "NaN",
    "infinity": "1e999",
    "a list": "[]",
    "SQL": "' OR 1=1 --",
    "a script": "<script>alert(1)</script>",
    "a path": "../../etc/passwd",
    "a pattern": "%_%" * 30,
}
WRONG_TYPES: Final[list[Any]] = [None, 1, 1.5, True, [], {}, ["normal"], -1, 10**400, "\ud800", "a\0b"]
FAST_MUTANTS: Final = 100


@pytest.fixture
def script(settings: Settings, tmp_path: Path, now: datetime) -> Callable[[User], Client]:
    """Return a function that gives an API client; an unexpected error is a response with status 500."""
    settings.MEDIA_ROOT = tmp_path / "media"

    def log_in(user: User) -> Client:
        key = accounts.create_token(by=user, now=timezone.now())
        return Client(headers={"Authorization": f"Token {key}"}, raise_request_exception=False)

    return log_in


def check(response: Any, *statuses: int) -> None:
    """Expect one of the statuses, and of an error a code and a message."""
    assert response.status_code in statuses, (response.status_code, response.content[:200])
    if response.status_code >= 400:
        error = response.json()
        assert error["code"], error
        assert error["detail"], error


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID)
def test_the_list_refuses_unknown_query_values(text: str, script: Any, technician: User) -> None:
    client = script(technician)
    for parameter in ("page", "ordering", "status", "page_size", "unknown"):
        check(client.get(LIST, {parameter: text}), 200, 400, 404)


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID)
@pytest.mark.slow
def test_each_upload_field_is_accepted_or_refused_with_a_code(
    text: str, script: Any, technician: User
) -> None:
    client = script(technician)
    for field in ("patient_ref", "accession_number", "view", "priority"):
        upload = {"radiograph": SimpleUploadedFile("radiograph.png", radiograph_png(1)), "patient_ref": "P-1"}
        check(client.post(LIST, upload | {field: text}), 200, 201, 400, 409)
    check(client.post(LIST, {"radiograph": text, "patient_ref": "P-1"}), 400)


@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID)
def test_an_invalid_case_url_is_not_found(text: str, script: Any, radiologist: User) -> None:
    client = script(radiologist)
    for address in (f"{LIST}%s/", f"{LIST}%s/readings/", "/api/v1/%s"):
        check(client.get(address % quote(text[:2000], safe="")), 200, 404)


@pytest.mark.parametrize("field", ["finding", "confidence", "note"])
def test_a_reading_with_invalid_values_or_types_is_refused(
    field: str, script: Any, radiologist: User, send_radiograph: SendRadiograph
) -> None:
    client, case = script(radiologist), send_radiograph(1)
    for value in [*INVALID.values(), *WRONG_TYPES]:
        body = json.dumps({"finding": "normal", "confidence": "sure", field: value})
        check(client.post(_readings(case), body, content_type="application/json"), 201, 400, 409)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b""),
        ("application/json", b"[]"),
        ("application/json", b"null"),
        ("application/json", b'{"finding": "\xff"}'),
        ("application/json", b'{"finding": '),
        ("application/json", b"[" * 100_000),
        ("application/json", b'"' + b"x" * 6_000_000 + b'"'),
        ("application/json; charset=unknown", b"{}"),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 6_000_000),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=" % number for number in range(2_000))),
        ("application/xml", b"<finding/>"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"no part"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=finding\r\n\r\n"),
        ("", b"\0\0\0"),
    ],
)
def test_a_malformed_body_is_refused(
    kind: str, body: bytes, script: Any, radiologist: User, send_radiograph: SendRadiograph
) -> None:
    client, case = script(radiologist), send_radiograph(1)

    check(client.generic("POST", _readings(case), body, content_type=kind), 400, 415)
    check(client.generic("POST", LIST, body, content_type=kind), 400, 415)


def test_too_many_fields_or_files_are_refused(script: Any, technician: User) -> None:
    client = script(technician)

    check(client.post(LIST, {f"field-{number}": "x" for number in range(2_000)}), 400)
    check(client.post(LIST, {f"radiograph-{n}": SimpleUploadedFile("a", b"x") for n in range(300)}), 400)
    check(client.post(LIST, {"patient_ref": "x" * 6_000_000}), 400)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_cases_cannot_be_changed_or_deleted(
    method: str, script: Any, radiologist: User, send_radiograph: SendRadiograph
) -> None:
    client, case = script(radiologist), send_radiograph(1)
    for address in (LIST, f"{LIST}{case.pk}/", _readings(case)):
        check(getattr(client, method)(address), 405)
    assert Case.objects.count() == 1


@pytest.mark.parametrize(
    "header", ["Token", "Token a b", "Token \xff", "Token " + "x" * 10_000, "Basic eDp5", "Bearer x", "'"]
)
def test_an_authorization_without_a_valid_token_is_refused(header: str, db: None) -> None:
    check(Client(headers={"Authorization": header}, raise_request_exception=False).get(LIST), 401)


@pytest.mark.slow
def test_the_pages_ignore_invalid_filters(
    radiologist: User, administrator: User, send_radiograph: SendRadiograph
) -> None:
    case, reader, admin = send_radiograph(1), Client(), Client()
    reader.force_login(radiologist)
    admin.force_login(administrator)
    for text in INVALID.values():
        for address, parameters in (
            ("/cases/", ("page", "q", "sort", "status", "priority")),
            (f"/review/{case.pk}/", ("prior",)),
        ):
            assert {reader.get(address, {parameter: text}).status_code for parameter in parameters} == {200}
        assert {admin.get("/audit/", {wish: text}).status_code for wish in ("who", "target", "page")} == {200}
    headers = {"HX-Request": "true", "HX-Current-URL": "http://["}
    assert Client().get("/cases/", headers=headers).status_code == 401


@pytest.mark.stack
@pytest.mark.network
def test_hostile_files_get_a_code_and_end_no_process(embedded_stack: Stack) -> None:
    stack = embedded_stack
    token = stack.token("technician")
    web = stack.processes["web"]
    before = _children(web.pid)

    def upload(content: bytes, name: str = "radiograph") -> Reply:
        return send_until_free(stack.base_url, token, content, name, patient="CANARY-HOSTILE")

    files = [*specimens(inflated=16 * MEGABYTE), *valid_images()]
    with ThreadPoolExecutor(4) as senders:
        specimen_replies = list(senders.map(lambda file: upload(file.content, file.name), files))
        mutant_replies = list(senders.map(upload, mutants(FAST_MUTANTS, seed=2)))
    wrong = [
        (file.label, reply)
        for file, reply in zip(files, specimen_replies, strict=True)
        if reply.outcome not in file.allowed
    ]
    endings = Counter(reply.outcome for reply in mutant_replies)

    assert wrong == []
    assert {reply.status for reply in specimen_replies + mutant_replies} <= {200, 201, 400}
    assert endings[ACCEPTED] > FAST_MUTANTS / 10, endings  # some damage does not affect the pixels
    assert FAST_MUTANTS - endings[ACCEPTED] > FAST_MUTANTS / 10, endings
    assert web.poll() is None
    assert _children(web.pid) == before
    assert upload(radiograph_png(81_000)).outcome == ACCEPTED
    logs = "".join(log.read_text(errors="replace") for log in stack.home.rglob("*.log"))
    assert "CANARY" not in logs
    assert "Traceback" not in stack.log_file("web").read_text(errors="replace")
    assert not any("CANARY" in path.name for path in stack.home.rglob("*"))
    temporary = [*stack.home.rglob("*.tmp")]  # a worker may still be writing
    wait_until(lambda: not any(file.exists() for file in temporary), seconds=10, what="no temporary file")


def test_mutants_are_reproducible_by_seed() -> None:
    assert [*islice(mutants(20, seed=3), 20)] == [*mutants(20, seed=3)]


def _readings(case: Case) -> str:
    return f"{LIST}{case.pk}/readings/"


def _children(pid: int) -> list[str]:
    """Return the ids of the child processes."""
    task = Path(f"/proc/{pid}/task/{pid}/children")
    return sorted(task.read_text().split())
