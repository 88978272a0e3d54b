"""Every address of the house, tried by everybody: a new one without a line in the table fails here."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django import Settings

from diagnostics.accounts.models import User
from diagnostics.cases.services import admission as cases
from diagnostics.imports.options import ImportOptions
from diagnostics.imports.services import scans as exchange
from diagnostics.registry import services as registrar
from diagnostics.registry.selectors import bundle_path
from diagnostics.review.models import SavedView
from diagnostics.training.models import TrainingRun
from diagnostics.training.selectors.runs import folder
from tests.cases.answered import answer_case
from tests.radiographs import radiograph_png
from tests.registry.paper_bundle import paper_bundle

PEOPLE: Final = ("anonymous", "technician", "radiologist", "administrator", "stranger")
NOT_OURS: Final = {"admin"}  # Django's own pages; static files never reach a view
TOKENS: Final = re.compile(r"[\w-]{32,}")  # CSRF tokens and ids differ from answer to answer
REASON: Final = "Better on the radiographs of our own site."

# What GET, then POST, comes to for each of PEOPLE. The objects belong to the site of all but the stranger,
# who is a radiologist elsewhere. 'login' leads to the login page; 302 leads on to another page; 400 let the
# person in and found the form wanting; 404 hides that there is anything.
RIGHTS: Final[dict[str, tuple[str, str]]] = {
    "home": ("login 302 302 302 302", "login 302 302 302 302"),
    "accounts:login": ("200 302 302 302 302", "200 302 302 302 302"),
    "accounts:logout": ("405 405 405 405 405", "login login login login login"),
    "accounts:password": ("login 200 200 200 200", "login 200 200 200 200"),
    "accounts:profile": ("login 200 200 200 200", "login 200 200 200 200"),
    "accounts:keys": ("login 200 200 200 200", "login 302 302 302 302"),
    "accounts:token": ("405 405 405 405 405", "login 200 200 200 200"),
    "accounts:token-revoke": ("405 405 405 405 405", "login 302 302 302 302"),
    "cases:list": ("login 200 200 200 200", "login 405 405 405 405"),
    "cases:upload": ("login 200 200 200 200", "login 200 200 200 200"),
    "cases:case": ("login 200 200 200 404", "login 405 405 405 405"),
    "cases:state": ("login 286 286 286 404", "login 405 405 405 405"),
    "cases:patient": ("login 405 405 405 405", "login 200 200 200 404"),
    "cases:retry": ("login 405 405 405 405", "login 302 302 302 404"),
    "cases:pcr": ("login 405 405 405 405", "login 302 302 302 404"),
    "cases:radiograph": ("login 200 200 200 404", "405 405 405 405 405"),
    "cases:pixels": ("login 200 200 200 404", "405 405 405 405 405"),
    "cases:heat": ("login 200 403 200 404", "405 405 405 405 405"),
    "cases:overlay": ("login 200 403 200 404", "405 405 405 405 405"),
    "review:worklist": ("login 403 200 200 200", "405 405 405 405 405"),
    "review:bulk": ("405 405 405 405 405", "login 403 302 302 302"),
    "review:export": ("405 405 405 405 405", "login 403 200 200 200"),
    "review:view-counts": ("login 403 200 200 200", "405 405 405 405 405"),
    "review:keep-view": ("405 405 405 405 405", "login 403 302 302 302"),
    "review:drop-view": ("405 405 405 405 405", "login 403 302 404 404"),
    "review:next": ("405 405 405 405 405", "login 403 302 403 302"),
    "review:case": ("login 403 200 403 404", "405 405 405 405 405"),
    "review:ahead": ("login 403 200 403 404", "405 405 405 405 405"),
    "review:claim": ("405 405 405 405 405", "login 403 302 403 404"),
    "review:renew": ("405 405 405 405 405", "login 403 409 403 404"),
    "review:release": ("405 405 405 405 405", "login 403 302 403 404"),
    "review:sign": ("405 405 405 405 405", "login 403 302 403 404"),
    "review:take-back": ("405 405 405 405 405", "login 403 302 403 404"),
    "review:amend": ("405 405 405 405 405", "login 403 400 403 404"),
    "review:readers": ("login 403 403 200 403", "405 405 405 405 405"),
    "review:policy": ("405 405 405 405 405", "login 403 403 302 403"),
    "review:readers-export": ("login 403 403 200 403", "405 405 405 405 405"),
    "review:gold": ("login 403 403 200 403", "405 405 405 405 405"),
    "review:gold-case": ("login 403 403 200 403", "login 403 403 400 403"),
    "review:gold-retire": ("405 405 405 405 405", "login 403 403 302 403"),
    "review:keep": ("405 405 405 405 405", "login 403 302 403 404"),
    "review:second-opinion": ("405 405 405 405 405", "login 403 302 403 404"),
    "imports:imports": ("login 403 403 200 403", "405 405 405 405 405"),
    "imports:look": ("405 405 405 405 405", "login 403 403 400 403"),
    "imports:import": ("login 403 403 200 403", "405 405 405 405 405"),
    "imports:state": ("login 403 403 286 403", "405 405 405 405 405"),
    "imports:begin": ("405 405 405 405 405", "login 403 403 302 403"),
    "imports:stop": ("405 405 405 405 405", "login 403 403 302 403"),
    "imports:discard": ("405 405 405 405 405", "login 403 403 302 403"),
    "imports:left-out": ("login 403 403 200 403", "405 405 405 405 405"),
    "training:runs": ("login 403 403 200 403", "405 405 405 405 405"),
    "training:start": ("405 405 405 405 405", "login 403 403 400 403"),
    "training:schedule": ("405 405 405 405 405", "login 403 403 302 403"),
    "training:run": ("login 403 403 200 403", "405 405 405 405 405"),
    "training:state": ("login 403 403 200 403", "405 405 405 405 405"),
    "training:stop": ("405 405 405 405 405", "login 403 403 302 403"),
    "training:picture": ("login 403 403 200 403", "405 405 405 405 405"),
    "registry:versions": ("login 200 200 200 200", "405 405 405 405 405"),
    "registry:roll-back": ("405 405 405 405 405", "login 403 403 302 403"),
    "registry:version": ("login 200 200 200 200", "405 405 405 405 405"),
    "registry:promote": ("405 405 405 405 405", "login 403 403 302 403"),
    "registry:trust": ("login 200 200 200 200", "405 405 405 405 405"),
    "audit:events": ("login 403 403 200 403", "login 403 403 200 403"),
    "api-case-list": ("401 200 200 200 200", "401 201 201 201 201"),
    "api-case": ("401 200 200 200 404", "401 405 405 405 405"),
    "api-readings": ("401 403 200 403 404", "401 403 201 403 404"),
    "api-schema": ("401 200 200 200 200", "401 405 405 405 405"),
    "api-docs": ("401 200 200 200 200", "401 405 405 405 405"),
    "health": ("200 200 200 200 200", "405 405 405 405 405"),
}


@dataclass(frozen=True)
class World:
    """One thing of each kind, and what is sent to each address."""

    args: dict[str, list[Any]]
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)


@pytest.fixture
def world(
    technician: User,
    radiologist: User,
    administrator: User,
    tmp_path: Path,
    settings: Settings,
    now: datetime,
) -> World:
    settings.MEDIA_ROOT, settings.BUNDLES = tmp_path / "media", tmp_path / "bundles"
    settings.RUNS, settings.DEFAULT_BUNDLE = tmp_path / "runs", paper_bundle(tmp_path / "default")
    first = registrar.adopt_default(now=now)
    assert first is not None
    second = _candidate(tmp_path / "second", now)
    third = _candidate(tmp_path / "third", now)
    (bundle_path(third) / "trust_report.html").write_text("<!doctype html><title>Trust report</title>")
    registrar.promote(version=second, by=administrator, reason=REASON, now=now)
    case = cases.open_case(radiograph=radiograph_png(1), patient_ref="P-1", by=technician, now=now).case
    answer_case(case, second)
    run = TrainingRun.objects.create(number=1, parent=first, queued_at=now)
    folder(run).mkdir(parents=True)
    (folder(run) / "curves.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "radiographs" / "normal").mkdir(parents=True)
    (tmp_path / "radiographs" / "normal" / "a.png").write_bytes(radiograph_png(3))
    settings.INCOMING, settings.IMPORTS = tmp_path / "incoming", tmp_path / "imports"
    looked = exchange.scan_path(
        collection=tmp_path / "radiographs",
        origin="x",
        wishes=ImportOptions(),
        site=case.site,
        by=administrator,
        now=now,
    )
    of_an_import = [name for name in _names() if name.startswith("imports:")]
    of_a_case = [name for name in _names() if name.startswith(("cases:", "review:", "api-"))]
    of_a_run = [name for name in _names() if name.startswith("training:")]
    kept = SavedView.objects.create(owner=radiologist, name="STAT", query="priority=stat")
    return World(
        args={name: [case.pk] for name in of_a_case}
        | {name: [run.pk] for name in of_a_run}
        | {name: [looked.pk] for name in of_an_import}
        | {"review:drop-view": [kept.pk]}
        | {"cases:heat": [case.pk, "covid-19"], "training:picture": [run.pk, "curves"]}
        | {f"registry:{page}": [third.pk] for page in ("version", "promote", "trust")},
        bodies={
            "cases:upload": {"patient_ref": "P-2", "priority": "routine"},
            "api-case-list": {"patient_ref": "P-3"},
            "review:sign": {"finding": "normal", "confidence": "sure", "then": "stay"},
            "api-readings": {"finding": "normal"},
            "review:policy": {
                "double_read_percent": 20,
                "gold_percent": 0,
                "repeat_percent": 0,
                "urgent_minutes": 60,
                "routine_minutes": 240,
            }
            | {"uncertain_percent": 1, "contradicted_percent": 1, "novel_percent": 1},
            "review:keep-view": {"name": "Mine", "here": "mine=yes"},
            "review:export": {"case": str(case.pk)},
            "review:bulk": {"act": "urgent", "case": str(case.pk)},
            "registry:promote": {"reason": REASON},
            "registry:roll-back": {"reason": REASON},
            "training:schedule": {"every_days": 7, "at_hour": 2, "minimum_new_readings": 20},
        },
    )


@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_may_do_what_the_table_says_and_nothing_else(
    who: str, world: World, request: pytest.FixtureRequest
) -> None:
    person = None if who == "anonymous" else request.getfixturevalue(who)

    seen = {name: _knock(name, world, person) for name in _names()}

    assert seen == {name: _expected(name, who) for name in RIGHTS}


def test_no_address_is_missing_from_the_table() -> None:
    assert sorted(_names()) == sorted(RIGHTS)


def test_lists_show_a_stranger_nothing_of_another_site(world: World, stranger: User) -> None:
    client = Client()
    client.force_login(stranger)
    case = str(world.args["cases:case"][0])

    for name in ("cases:list", "review:worklist", "api-case-list"):
        assert case not in client.get(reverse(name)).content.decode()


def test_a_stranger_to_the_house_cannot_tell_a_case_from_none(world: World, stranger: User) -> None:
    client = Client()
    client.force_login(stranger)
    there, nowhere = world.args["cases:case"][0], uuid.uuid4()

    for name in (
        "cases:case",
        "cases:radiograph",
        "cases:pixels",
        "cases:overlay",
        "api-case",
        "api-readings",
        "review:case",
        "review:ahead",
    ):
        answers = [client.get(reverse(name, args=[pk])) for pk in (there, nowhere)]
        assert [answer.status_code for answer in answers] == [404, 404]
        texts = {TOKENS.sub("", answer.content.decode()) for answer in answers}
        assert len(texts) == 1, name


@pytest.mark.parametrize("name", ["cases:radiograph", "cases:heat", "cases:overlay"])
def test_a_picture_is_private_and_no_browser_takes_it_for_a_page(
    name: str, world: World, technician: User
) -> None:
    client = Client()
    client.force_login(technician)

    picture = client.get(_address(name, world))

    assert picture["Content-Type"] == "image/png"
    assert picture["X-Content-Type-Options"] == "nosniff"
    assert picture["Cache-Control"].startswith("private")
    assert "default-src 'self'" in picture["Content-Security-Policy"]


@pytest.mark.parametrize(
    "above", ["../../db.sqlite3", "..%2f..%2fdb.sqlite3", "%2e%2e/secret_key", "curves.svg/../../x"]
)
def test_no_address_leads_out_of_a_runs_or_a_cases_folder(
    above: str, world: World, administrator: User
) -> None:
    client = Client()
    client.force_login(administrator)
    case, run = world.args["cases:case"][0], world.args["training:run"][0]

    for folder_ in (f"/cases/{case}/heat/", f"/cases/{case}/", f"/training/{run}/", "/media/", "/static/"):
        for ending in ("", ".png", ".svg"):
            assert client.get(f"{folder_}{above}{ending}").status_code == 404


def test_every_change_from_a_page_needs_its_csrf_token(
    world: World, administrator: User, radiologist: User
) -> None:
    for name in sorted(set(RIGHTS) - {"health", "api-schema", "api-docs"}):
        client = Client(enforce_csrf_checks=True)
        client.force_login(radiologist if name.startswith("review:") else administrator)
        answer = client.post(_address(name, world), world.bodies.get(name, {}))
        assert answer.status_code in (403, 405), name


def _knock(name: str, world: World, person: User | None) -> tuple[str, str]:
    """Try GET and POST; what they change is taken back."""
    return _word(name, world, person, "get"), _word(name, world, person, "post")


def _word(name: str, world: World, person: User | None, method: str) -> str:
    client = Client()
    body = dict(world.bodies.get(name, {})) if method == "post" else {}
    if name in ("cases:upload", "api-case-list") and method == "post":
        field = "radiographs" if name == "cases:upload" else "radiograph"
        body[field] = SimpleUploadedFile("radiograph.png", radiograph_png(2))
    with transaction.atomic():
        if person:
            client.force_login(person)
        answer = getattr(client, method)(_address(name, world), body)
        b"".join(answer)  # a file that is sent closes at its end
        transaction.set_rollback(True)
    if answer.status_code == 302 and answer["Location"].startswith(reverse("accounts:login")):
        return "login"
    return str(answer.status_code)


def _address(name: str, world: World) -> str:
    wants = _names()[name]
    return reverse(name, args=world.args[name] if wants else [])


def _expected(name: str, who: str) -> tuple[str, str]:
    get, post = (words.split()[PEOPLE.index(who)] for words in RIGHTS[name])
    return get, post


def _candidate(directory: Path, now: datetime) -> Any:
    return registrar.register_candidate(
        bundle=paper_bundle(directory),
        comparison={},
        verdict="accept",
        verdict_reason="A reason.",
        parent=None,
        by=None,
        now=now,
    )


def _names() -> dict[str, bool]:
    """Name every address, and say whether it wants an object."""
    return dict(_walk(get_resolver(), ""))


def _walk(resolver: URLResolver, room: str) -> Iterator[tuple[str, bool]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLPattern):
            assert entry.name, f"{entry.pattern} has no name"
            yield f"{room}{entry.name}", bool(entry.pattern.converters)
        elif entry.namespace not in NOT_OURS:
            yield from _walk(entry, f"{room}{entry.namespace}:" if entry.namespace else room)
