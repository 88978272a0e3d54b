"""Whatever is sent, the API answers with a code; whatever file is sent, the web process lives on."""

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
from pytest_django.fixtures import Settings

from diagnostics.accounts import services as accounts
from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from tests.cases.conftest import SendRadiograph
from tests.hostile_files import ACCEPTED, MEGABYTE, Reply, send, specimens
from tests.mutants import mutants, sound
from tests.radiographs import radiograph_png
from tests.servers import wait_until
from tests.stack import Stack

LIST: Final = "/api/v1/cases/"
NASTY: Final[dict[str, str]] = {
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
    """Give a client that answers an unforeseen error with a 500, as the web process does."""
    settings.MEDIA_ROOT = tmp_path / "media"

    def act_for(user: User) -> Client:
        key = accounts.make_token(by=user, now=now)
        return Client(headers={"Authorization": f"Token {key}"}, raise_request_exception=False)

    return act_for


def judge(answer: Any, *statuses: int) -> None:
    """Expect one of the statuses, and of a refusal a code and a sentence."""
    assert answer.status_code in statuses, (answer.status_code, answer.content[:200])
    if answer.status_code >= 400:
        said = answer.json()
        assert said["code"], said
        assert said["detail"], said


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
def test_the_list_refuses_what_it_does_not_know(nasty: str, script: Any, technician: User) -> None:
    client = script(technician)
    for wish in ("page", "ordering", "status", "page_size", "nobody-knows"):
        judge(client.get(LIST, {wish: nasty}), 200, 400, 404)


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
def test_what_stands_beside_a_radiograph_is_taken_or_refused_by_name(
    nasty: str, script: Any, technician: User
) -> None:
    client = script(technician)
    for entry in ("patient_ref", "accession_number", "view", "priority"):
        upload = {"radiograph": SimpleUploadedFile("radiograph.png", radiograph_png(1)), "patient_ref": "P-1"}
        judge(client.post(LIST, upload | {entry: nasty}), 200, 201, 400, 409)
    judge(client.post(LIST, {"radiograph": nasty, "patient_ref": "P-1"}), 400)


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
def test_no_address_of_a_case_breaks_the_api(nasty: str, script: Any, radiologist: User) -> None:
    client = script(radiologist)
    for address in (f"{LIST}%s/", f"{LIST}%s/readings/", "/api/v1/%s"):
        judge(client.get(address % quote(nasty[:2000], safe="")), 200, 404)


@pytest.mark.parametrize("entry", ["finding", "confidence", "note"])
def test_a_reading_of_wrong_words_or_types_is_refused(
    entry: str, script: Any, radiologist: User, send_radiograph: SendRadiograph
) -> None:
    client, case = script(radiologist), send_radiograph(1)
    for wrong in [*NASTY.values(), *WRONG_TYPES]:
        body = json.dumps({"finding": "normal", entry: wrong})
        judge(client.post(_readings(case), body, content_type="application/json"), 201, 400, 409)


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
        ("application/json; charset=nobody-knows", b"{}"),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 6_000_000),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=" % number for number in range(2_000))),
        ("application/xml", b"<finding/>"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"no part"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=finding\r\n\r\n"),
        ("", b"\0\0\0"),
    ],
)
def test_a_body_that_is_no_body_is_refused(
    kind: str, body: bytes, script: Any, radiologist: User, send_radiograph: SendRadiograph
) -> None:
    client, case = script(radiologist), send_radiograph(1)

    judge(client.generic("POST", _readings(case), body, content_type=kind), 400, 415)
    judge(client.generic("POST", LIST, body, content_type=kind), 400, 415)


def test_too_many_entries_or_files_are_refused(script: Any, technician: User) -> None:
    client = script(technician)

    judge(client.post(LIST, {f"entry-{number}": "x" for number in range(2_000)}), 400)
    judge(client.post(LIST, {f"radiograph-{n}": SimpleUploadedFile("a", b"x") for n in range(300)}), 400)
    judge(client.post(LIST, {"patient_ref": "x" * 6_000_000}), 400)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nothing_is_changed_in_place_or_deleted(
    method: str, script: Any, radiologist: User, send_radiograph: SendRadiograph
) -> None:
    client, case = script(radiologist), send_radiograph(1)
    for address in (LIST, f"{LIST}{case.pk}/", _readings(case)):
        judge(getattr(client, method)(address), 405)
    assert Case.objects.count() == 1


@pytest.mark.parametrize(
    "word", ["Token", "Token a b", "Token \xff", "Token " + "x" * 10_000, "Basic eDp5", "Bearer x", "'"]
)
def test_no_authorization_but_a_token_is_let_in(word: str, db: None) -> None:
    judge(Client(headers={"Authorization": word}, raise_request_exception=False).get(LIST), 401)


def test_the_pages_take_no_nasty_filter_amiss(
    radiologist: User, administrator: User, send_radiograph: SendRadiograph
) -> None:
    case, reader, boss = send_radiograph(1), Client(), Client()
    reader.force_login(radiologist)
    boss.force_login(administrator)
    for nasty in NASTY.values():
        for address, wishes in (
            ("/cases/", ("page", "q", "sort", "status", "priority")),
            ("/review/", ("page", "q", "status")),
            (f"/review/{case.pk}/", ("prior",)),
        ):
            assert {reader.get(address, {wish: nasty}).status_code for wish in wishes} == {200}
        assert {boss.get("/audit/", {wish: nasty}).status_code for wish in ("who", "target", "page")} == {200}
    strange = {"HX-Request": "true", "HX-Current-URL": "http://["}
    assert Client().get("/cases/", headers=strange).status_code == 401


@pytest.mark.stack
@pytest.mark.network
def test_hostile_files_are_answered_with_a_code_and_kill_nobody(embedded_stack: Stack) -> None:
    stack = embedded_stack
    token = stack.manage("drf_create_token", "technician").split()[2]
    web = stack.processes["web"]
    before = _children(web.pid)

    def upload(content: bytes, name: str = "radiograph") -> Reply:
        return send(stack.base_url, token, content, name, patient="CANARY-HOSTILE")

    files = [*specimens(inflated=16 * MEGABYTE), *sound()]
    with ThreadPoolExecutor(4) as senders:
        known = list(senders.map(lambda file: upload(file.content, file.name), files))
        unknown = list(senders.map(upload, mutants(FAST_MUTANTS, seed=2)))
    wrong = [
        (file.what, reply) for file, reply in zip(files, known, strict=True) if reply.ending not in file.right
    ]
    endings = Counter(reply.ending for reply in unknown)

    assert wrong == []
    assert {reply.status for reply in known + unknown} <= {200, 201, 400}
    assert endings[ACCEPTED] > FAST_MUTANTS / 10, endings  # damage that a viewer would not see either
    assert FAST_MUTANTS - endings[ACCEPTED] > FAST_MUTANTS / 10, endings
    assert web.poll() is None
    assert _children(web.pid) == before
    assert upload(radiograph_png(81_000)).ending == ACCEPTED
    logs = "".join(log.read_text(errors="replace") for log in stack.home.rglob("*.log"))
    assert "CANARY" not in logs
    assert "Traceback" not in stack.log_file("web").read_text(errors="replace")
    assert not any("CANARY" in path.name for path in stack.home.rglob("*"))
    drafts = [*stack.home.rglob("*.tmp")]  # the worker is still drawing what was admitted; none of it stays
    wait_until(lambda: not any(draft.exists() for draft in drafts), seconds=10, what="the end of drafts")


def test_the_same_seed_gives_the_same_mutants() -> None:
    assert [*islice(mutants(20, seed=3), 20)] == [*mutants(20, seed=3)]


def _readings(case: Case) -> str:
    return f"{LIST}{case.pk}/readings/"


def _children(pid: int) -> list[str]:
    """Name the web process's own workers."""
    task = Path(f"/proc/{pid}/task/{pid}/children")
    return sorted(task.read_text().split())
