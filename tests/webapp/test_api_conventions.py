"""What all endpoints of the API share: problem details, pages by cursor, entity tags, rate limits."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from diagnostics.accounts.models import User
from diagnostics.accounts.services import tokens
from diagnostics.cases.models import Case
from diagnostics.cases.services import admission
from diagnostics.registry.models import ModelVersion
from tests.radiographs import radiograph_png
from webapp.api import rate_limit

LIST = "/api/v1/cases/"


@pytest.fixture
def api(technician: User) -> Client:
    key = tokens.create_token(by=technician, now=timezone.now())
    return Client(headers={"Authorization": f"Token {key}"})


@pytest.fixture
def cases(technician: User, settings: Settings, tmp_path: Path, now: datetime) -> list[Case]:
    """Return five cases, each a minute newer than the one before."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return [
        admission.open_case(
            radiograph=radiograph_png(number),
            patient_ref=f"P-{number}",
            by=technician,
            now=now + timedelta(minutes=number),
        ).case
        for number in range(5)
    ]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", LIST + "?page_size=0", 400, "invalid"),
        ("get", LIST + "?cursor=nothing", 400, "invalid"),
        ("get", LIST + f"?cursor={UUID(int=9)}", 400, "invalid"),
        ("get", LIST + f"{UUID(int=9)}/", 404, "not_found"),
        ("get", "/api/v1/nothing/", 404, "not_found"),
        ("put", LIST, 405, "method_not_allowed"),
        ("post", LIST, 415, "unsupported_media_type"),
        ("post", "/api/v1/training/runs/", 403, "permission_denied"),
    ],
)
def test_an_error_is_a_problem_with_the_members_of_the_rfc(
    method: str, path: str, status: int, code: str, api: Client
) -> None:
    response = getattr(api, method)(path, **({"content_type": "application/json"} if method != "get" else {}))

    body = json.loads(response.content)
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    assert body["type"] == f"urn:readroom:problem:{body['code']}"
    assert (body["status"], body["code"]) == (status, code)
    assert body["title"]
    assert body["detail"].endswith(".")


def test_a_request_without_a_login_is_a_problem_too(client: Client, db: None) -> None:
    response = client.get(LIST)

    assert (response.status_code, response["Content-Type"]) == (401, "application/problem+json")


@pytest.mark.parametrize(
    "ordering", ["opened_at", "-opened_at", "priority", "-priority", "accession_number", "-accession_number"]
)
def test_the_pages_of_a_list_hold_every_case_once_in_the_order_of_the_whole(
    ordering: str, api: Client, cases: list[Case]
) -> None:
    whole = [row["id"] for row in api.get(f"{LIST}?ordering={ordering}").json()["results"]]

    pages, address = [], f"{LIST}?ordering={ordering}&page_size=2"
    while address:
        body = api.get(address).json()
        pages.append([row["id"] for row in body["results"]])
        address = body["next"]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [pk for page in pages for pk in page] == whole
    assert set(whole) == {str(case.pk) for case in cases}


def test_a_case_that_arrives_between_two_pages_neither_repeats_nor_hides_another(
    api: Client, cases: list[Case], technician: User, now: datetime
) -> None:
    first = api.get(f"{LIST}?page_size=2").json()
    admission.open_case(
        radiograph=radiograph_png(9), patient_ref="P-9", by=technician, now=now + timedelta(hours=1)
    )

    second = api.get(first["next"]).json()

    assert [row["id"] for row in second["results"]] == [str(cases[2].pk), str(cases[1].pk)]


def test_a_cursor_names_no_value_of_a_case(api: Client, cases: list[Case]) -> None:
    Case.objects.update(accession_number="A-4711")

    following = api.get(f"{LIST}?page_size=2&ordering=accession_number").json()["next"]

    assert "4711" not in following


def test_an_unchanged_resource_is_answered_with_304_and_without_a_body(
    api: Client, version: ModelVersion
) -> None:
    for address in ("/api/v1/versions/", f"/api/v1/versions/{version.pk}/"):
        first = api.get(address)
        again = api.get(address, headers={"If-None-Match": first["ETag"]})
        other = api.get(address, headers={"If-None-Match": '"another"'})

        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
        assert (other.status_code, other.content) == (200, first.content)


def test_a_changed_resource_has_another_entity_tag(api: Client, version: ModelVersion) -> None:
    before = api.get("/api/v1/versions/")
    ModelVersion.objects.filter(pk=version.pk).update(number=7)

    after = api.get("/api/v1/versions/", headers={"If-None-Match": before["ETag"]})

    assert after.status_code == 200
    assert after["ETag"] != before["ETag"]


def test_a_token_beyond_its_rate_is_refused_until_the_next_minute(
    api: Client, technician: User, settings: Settings, tmp_path: Path
) -> None:
    settings.API_RATE, settings.API_RATE_FILE = 3, tmp_path / "rate"
    other = Client(
        headers={"Authorization": f"Token {tokens.create_token(by=technician, now=timezone.now())}"}
    )

    # Five requests in two minutes at most: at least one minute has more than two of them.
    answers = [api.get(LIST) for _ in range(8)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.status_code for answer in answers} == {200, 429}
    assert all(0 < int(answer["Retry-After"]) <= 60 for answer in refused)
    assert refused[0].json()["code"] == "throttled"
    assert other.get(LIST).status_code == 200


def test_the_rate_counts_each_key_and_each_minute_apart(tmp_path: Path) -> None:
    file = tmp_path / "rate"

    assert [rate_limit.count_request(file, key="a", now=120.0) for _ in range(3)] == [1, 2, 3]
    assert rate_limit.count_request(file, key="b", now=121.0) == 1
    assert rate_limit.count_request(file, key="a", now=179.9) == 4
    assert rate_limit.count_request(file, key="a", now=180.0) == 1


def test_the_file_of_the_rate_has_a_limit_and_counts_many_keys(tmp_path: Path) -> None:
    file = tmp_path / "rate"
    for number in range(5000):
        rate_limit.count_request(file, key=str(number), now=60.0 * (number // 2500 + 1))

    assert file.stat().st_size <= rate_limit.SLOTS * rate_limit.RECORD.size
    assert rate_limit.count_request(file, key="4999", now=120.0) == 2
    assert rate_limit.count_request(file, key="2500", now=120.0) == 2


@pytest.mark.slow
def test_two_processes_count_together(tmp_path: Path) -> None:
    file, context = tmp_path / "rate", get_context("fork")
    processes = [context.Process(target=_count, args=(file, 200)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert rate_limit.count_request(file, key="a", now=60.0) == 401


def _count(file: Path, times: int) -> None:
    for _ in range(times):
        rate_limit.count_request(file, key="a", now=60.0)


@pytest.fixture
def version(db: None, now: datetime) -> ModelVersion:
    return ModelVersion.objects.create(
        number=1, bundle="v1", weights_sha256="0" * 64, manifest={"version": "v1"}, registered_at=now
    )
