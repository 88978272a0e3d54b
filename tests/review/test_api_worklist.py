"""The API of the worklist: a script reads blind, as a reader does on the pages."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.review.models import AssistedReading, Reading, ReadingPolicy
from tests.review.conftest import Admit, Classify
from tests.review.test_api import script_of

BASE = "/api/v1"
SIGNED = {"finding": "covid-19", "confidence": "sure"}


def send(client: Client, path: str, **body: Any):
    return client.post(f"{BASE}/{path}", body, content_type="application/json")


def case_of(client: Client, case: Case) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"{BASE}/cases/{case.pk}/").json()
    return answer


def test_no_address_of_a_reader_tells_of_the_ai_result_before_the_first_reading(
    radiologist: User, admit: Admit, classify: Classify
) -> None:
    case, reader = admit(1), script_of(radiologist)
    classify(case)

    served = send(reader, "worklist/next/")
    before = [reader.get(f"{BASE}/{path}") for path in ("worklist/", "cases/", f"cases/{case.pk}/")]
    confirmed = send(reader, f"cases/{case.pk}/confirm/")
    signed = send(reader, f"cases/{case.pk}/readings/", **SIGNED)

    assert served.json()["case"] == str(case.pk)
    shown = " ".join(each.text for each in [served, *before, confirmed, signed])
    assert "0.83" not in shown
    assert "v7" not in shown
    assert (confirmed.status_code, confirmed.json()["code"]) == (409, "first_reading_required")
    assert case_of(reader, case)["prediction"]["probabilities"]["covid-19"] == 0.8317


def test_the_worklist_is_that_of_the_page_with_masked_references(radiologist: User, admit: Admit) -> None:
    urgent, routine = admit(1, priority="stat"), admit(2)
    reader = script_of(radiologist)

    rows = reader.get(f"{BASE}/worklist/").json()["results"]
    stat = reader.get(f"{BASE}/worklist/?priority=stat").json()["results"]

    assert [row["id"] for row in rows] == [str(urgent.pk), str(routine.pk)]
    assert [row["id"] for row in stat] == [str(urgent.pk)]
    assert "MRN-" not in json.dumps(rows)
    assert {row["state"] for row in rows} == {"to-read"}


def test_a_claim_is_renewed_released_and_refused_to_another_reader(
    radiologist: User, admit: Admit, site: Site
) -> None:
    case, reader = admit(1), script_of(radiologist)
    colleague = User.objects.create_user("colleague", role="radiologist")
    colleague.sites.add(site)

    first, renewed = send(reader, f"cases/{case.pk}/claim/"), send(reader, f"cases/{case.pk}/claim/")
    refused = send(script_of(colleague), f"cases/{case.pk}/claim/")
    released = send(reader, f"cases/{case.pk}/release/")
    taken = send(script_of(colleague), f"cases/{case.pk}/claim/")

    assert [first.status_code, renewed.status_code, released.status_code, taken.status_code] == [
        *(200, 200, 204, 200)
    ]
    assert renewed.json()["until"] > first.json()["until"]
    assert refused.status_code == 409


def test_an_empty_queue_is_an_empty_answer(radiologist: User) -> None:
    response = send(script_of(radiologist), "worklist/next/")

    assert (response.status_code, response.content) == (204, b"")


def test_a_reading_is_amended_and_confirmed(radiologist: User, admit: Admit, classify: Classify) -> None:
    case, reader = admit(1), script_of(radiologist)
    classify(case)
    signed = send(reader, f"cases/{case.pk}/readings/", **SIGNED).json()
    case_of(reader, case)

    confirmed = send(reader, f"cases/{case.pk}/confirm/")
    amended = send(
        reader,
        f"cases/{case.pk}/readings/{signed['id']}/amend/",
        finding="normal",
        confidence="fairly",
        reason="Rotated patient.",
    )

    assert confirmed.status_code == 204
    assert AssistedReading.objects.get().finding == "covid-19"
    assert (amended.status_code, amended.json()["finding"]) == (201, "normal")
    assert str(Reading.objects.get(supersedes__isnull=False).supersedes_id) == signed["id"]


def test_a_signature_is_undone_while_nothing_was_seen(radiologist: User, admit: Admit) -> None:
    case, reader = admit(1), script_of(radiologist)
    send(reader, f"cases/{case.pk}/readings/", **SIGNED)

    undone = send(reader, f"cases/{case.pk}/undo-signature/")

    assert (undone.status_code, undone.json()["case"]) == (200, str(case.pk))
    assert Reading.objects.get().withdrawn_at is not None


def test_cases_are_assigned_and_prioritised_and_those_of_another_site_are_left_out(
    radiologist: User, administrator: User, admit: Admit, other_site: Site
) -> None:
    own, other = admit(1), admit(2, at=other_site)
    admin, cases = script_of(administrator), [str(own.pk), str(other.pk)]

    assigned = send(admin, "worklist/assign/", cases=cases, to="radiologist")
    unknown = send(admin, "worklist/assign/", cases=cases, to="unknown")
    priority = send(admin, "cases/priority/", cases=cases, priority="stat")

    assert [assigned.json(), priority.json()] == [{"changed": 1}, {"changed": 1}]
    assert unknown.status_code == 400
    own.refresh_from_db()
    other.refresh_from_db()
    assert (own.assignment.to, own.priority, other.priority) == (radiologist, "stat", "routine")


def test_a_reading_policy_is_read_and_set_by_the_rules_of_the_page(administrator: User, site: Site) -> None:
    admin, path = script_of(administrator), f"sites/{site.pk}/reading-policy/"
    policy = admin.get(f"{BASE}/{path}").json()

    stored = send(admin, path, **policy | {"double_read_percent": 30, "stat_minutes": 20})
    too_much = send(admin, path, **policy | {"uncertain_percent": 90, "contradicted_percent": 90})

    assert (stored.json()["double_read_percent"], stored.json()["stat_minutes"]) == (30, 20)
    assert (too_much.status_code, too_much.json()["code"]) == (400, "invalid")
    assert ReadingPolicy.objects.get().double_read_percent == 30
    assert AuditEvent.objects.filter(action=Action.READING_POLICY_CHANGED).count() == 1


def test_reader_quality_is_json_without_not_a_number(administrator: User) -> None:
    response = script_of(administrator).get(f"{BASE}/reader-quality/")

    body = json.loads(response.content, parse_constant=_refuse)
    assert body["inter_reader"]["krippendorff_alpha"]["value"] is None
    assert body["ai_effect"]["assisted"] == 0


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")
