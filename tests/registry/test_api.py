"""The API of model versions: list, one version, promotion and roll-back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role, Scope
from diagnostics.accounts.services import tokens
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.registry import policy, selectors, services
from diagnostics.registry.errors import OperatingPointUnavailable
from diagnostics.registry.models import ModelVersion
from tests.conftest import create_user
from tests.registry.conftest import REASON, Register
from tests.registry.test_operating_point import stored
from tests.registry.tiny_network import register_tiny_network


def client_of(user: User, *scopes: Scope) -> APIClient:
    key = tokens.create_token(by=user, now=timezone.now(), scopes=scopes or None)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    return client


def promote(client: APIClient, version: ModelVersion, **fields: Any) -> tuple[int, dict[str, Any]]:
    response = client.post(f"/api/v1/versions/{version.pk}/promote/", {"reason": REASON} | fields)
    return response.status_code, response.json()


def test_a_version_has_its_gate_with_rules_and_what_to_acknowledge(
    register: Register, technician: User
) -> None:
    tiny = register_tiny_network(register)

    body = client_of(technician).get(f"/api/v1/versions/{tiny.pk}/").json()

    assert (body["number"], body["name"], body["status"]) == (1, "v1", "candidate")
    assert body["gate"]["outcome"] == "reject"
    rules = {rule["name"]: rule for rule in body["gate"]["rules"]}
    assert rules["sensitivity"]["outcome"] != "accept"
    assert (rules["sensitivity"]["n"], rules["sensitivity"]["value"]) == (3, -1.0)
    assert {rule["outcome"] for rule in rules.values()} <= {"accept", "reject", "inconclusive"}
    assert [check["id"] for check in body["gate"]["failed_checks"]] == ["A4", "A5", "B4"]
    not_accepted = [name for name, rule in rules.items() if rule["outcome"] != "accept"]
    assert body["gate"]["to_acknowledge"] == [*not_accepted, "A4", "A5", "B4"]
    assert body["operating_points"] == {"covid-19": 0.5, "pneumonia": 0.5, "normal": 0.5}


def test_the_tiny_network_is_refused_through_the_api(
    register: Register, administrator: User, now: datetime
) -> None:
    active, tiny = register(), register_tiny_network(register)
    services.promote(version=active, by=administrator, reason=REASON, now=now)
    client = client_of(administrator)
    names = client.get(f"/api/v1/versions/{tiny.pk}/").json()["gate"]["to_acknowledge"]

    refusals = [
        promote(client, tiny),
        promote(client, tiny, override=True),
        promote(client, tiny, override=True, acknowledged=names[:-1]),
        promote(client, tiny, override=True, acknowledged=names[1:]),
        promote(client, tiny, override=False, acknowledged=names),
    ]

    assert [(status, body["code"]) for status, body in refusals] == [(409, "gate_not_passed")] * 5
    assert selectors.active_version() == active


def test_a_complete_override_promotes_and_is_marked(register: Register, administrator: User) -> None:
    tiny = register_tiny_network(register)
    client = client_of(administrator)
    names = client.get(f"/api/v1/versions/{tiny.pk}/").json()["gate"]["to_acknowledge"]

    status, body = promote(client, tiny, override=True, acknowledged=names)

    assert (status, body["status"], body["gate_overridden"]) == (200, "active", True)
    detail = AuditEvent.objects.get(action=Action.VERSION_PROMOTED).detail
    assert (detail["override"], detail["acknowledged"]) == (True, names)


def test_a_token_that_may_promote_may_not_override(register: Register, administrator: User) -> None:
    tiny = register_tiny_network(register)
    names = client_of(administrator).get(f"/api/v1/versions/{tiny.pk}/").json()["gate"]["to_acknowledge"]

    status, body = promote(client_of(administrator, Scope.TRAIN), tiny, override=True, acknowledged=names)

    assert (status, body["code"]) == (403, "not_allowed")


def test_the_requester_is_refused_through_the_api(
    register: Register, administrator: User, site: Site
) -> None:
    version = register(by=administrator)
    second = create_user("second", Role.ADMINISTRATOR, site)

    status, body = promote(client_of(administrator), version)

    assert (status, body["code"]) == (403, "second_person_required")
    assert promote(client_of(second), version)[0] == 200


def test_versions_are_listed_by_status_with_few_queries(
    register: Register,
    administrator: User,
    now: datetime,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    first, second, third = register(), register(), register()
    for version in (first, second):
        services.promote(version=version, by=administrator, reason=REASON, now=now)
    client = client_of(administrator)

    with django_assert_max_num_queries(8):
        body = client.get("/api/v1/versions/").json()

    assert [(row["id"], row["status"]) for row in body["results"]] == [
        (str(third.pk), "candidate"),
        (str(second.pk), "active"),
        (str(first.pk), "retired"),
    ]


def test_a_roll_back_returns_the_version_with_its_thresholds(register: Register, administrator: User) -> None:
    first, second = register(metrics=stored()), register()
    client = client_of(administrator)
    promote(client, first, operating_point={"sensitivity": 0.9, "prevalence": 0.1})
    chosen = client.get(f"/api/v1/versions/{first.pk}/").json()
    promote(client, second)

    response = client.post("/api/v1/versions/rollback/", {"reason": "It missed a radiograph."})

    body = response.json()
    assert (response.status_code, body["number"], body["status"]) == (200, 1, "active")
    assert body["operating_points"] == chosen["operating_points"] != second.manifest["operating_points"]
    assert body["operating_choice"]["ppv"] == chosen["operating_choice"]["ppv"] > 0
    assert AuditEvent.objects.filter(action=Action.VERSION_PROMOTED).first().detail["override"] is False  # type: ignore[union-attr]


def test_a_roll_back_without_an_earlier_version_is_a_conflict(administrator: User) -> None:
    response = client_of(administrator).post("/api/v1/versions/rollback/", {"reason": REASON})

    assert (response.status_code, response.json()["code"]) == (409, "nothing_to_roll_back_to")


MANIFEST = {"operating_points": {"covid-19": 0.4, "normal": 0.5}}


@pytest.mark.parametrize(
    ("raw", "request_"),
    [
        (0.3, policy.OperatingPointRequest("threshold", 0.3)),
        ({"sensitivity": 0.95}, policy.OperatingPointRequest("sensitivity", 0.95)),
        ({"specificity": 1, "prevalence": 0.1}, policy.OperatingPointRequest("specificity", 1.0, 0.1)),
        ({"normal": 0.6}, policy.OperatingPointRequest("threshold", 0.4, None, {"normal": 0.6})),
        ({"covid-19": 0.6}, policy.OperatingPointRequest("threshold", 0.6, None, {"covid-19": 0.6})),
        (None, None),
    ],
)
def test_an_operating_point_has_several_forms(
    raw: object, request_: policy.OperatingPointRequest | None
) -> None:
    assert policy.parse_request(raw, MANIFEST) == request_


@pytest.mark.parametrize(
    "raw",
    [
        *("high", True, {}, [], {"sensitivity": "high"}, {"sensitivity": 0.9, "specificity": 0.9}),
        *({"sensitivity": 0.9, "normal": 0.5}, {"prevalence": 0.1}, {"sensitivity": None}, 1.5),
        *({"sensitivity": 0.9, "prevalence": "low"}, {"threshold": -1}),
    ],
)
def test_an_unknown_operating_point_is_refused(raw: object, register: Register, administrator: User) -> None:
    version = register(metrics=stored())

    with pytest.raises(OperatingPointUnavailable):
        policy.parse_request(raw, version.manifest)
    status, body = promote(client_of(administrator), version, operating_point=raw)

    assert (status, body["code"]) == (400, "operating_point_unavailable")
    assert selectors.active_version() is None


def test_a_threshold_of_a_finding_that_the_version_lacks_is_refused(
    register: Register, administrator: User
) -> None:
    status, body = promote(client_of(administrator), register(), operating_point={"fracture": 0.5})

    assert (status, body["code"]) == (400, "operating_point_unavailable")
