"""FHIR resources of final cases: valid by a validator library, masked, paged, and of the own sites only."""

from __future__ import annotations

import importlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.accounts.services import tokens
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.cases.services import admission
from diagnostics.registry import services as registry
from diagnostics.review.services import readings
from tests.cases.predictions import OPERATING_POINTS, PROBABILITIES, finish_prediction
from tests.conftest import create_user
from tests.radiographs import radiograph_png
from tests.registry.stub_bundle import stub_bundle

KINDS = ("DiagnosticReport", "Observation", "ImagingStudy")
REFERENCE, ACCESSION = "PAT-4711", "ACC-20261120-017"


@pytest.fixture
def final_case(
    technician: User, radiologist: User, now: datetime, settings: Settings, tmp_path: Path
) -> Case:
    settings.MEDIA_ROOT, settings.BUNDLES = tmp_path / "media", tmp_path / "bundles"
    settings.DEFAULT_BUNDLE = stub_bundle(tmp_path / "default")
    version = registry.adopt_default(now=now)
    assert version is not None
    case = admission.open_case(
        radiograph=radiograph_png(1),
        patient_ref=REFERENCE,
        accession_number=ACCESSION,
        by=technician,
        now=now,
    ).case
    finish_prediction(case, version)
    case.predictions.update(finished_at=now + timedelta(minutes=1))
    readings.sign_reading(case=case, finding="pneumonia", by=radiologist, now=now + timedelta(minutes=5))
    return case


def client_of(user: User, *scopes: str) -> Client:
    key = tokens.create_token(by=user, now=timezone.now(), scopes=scopes)
    return Client(headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
def fhir(administrator: User) -> Client:
    return client_of(administrator, "fhir")


def validated(resource: dict[str, Any]) -> dict[str, Any]:
    """Check a resource by the R4B models of fhir.resources and return it."""
    kind = resource["resourceType"]
    module = importlib.import_module(f"fhir.resources.R4B.{kind.lower()}")
    getattr(module, kind).model_validate(resource)
    return resource


def entries(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    return [entry["resource"] for entry in validated(response.json())["entry"]]


@pytest.mark.parametrize("kind", KINDS)
def test_every_resource_is_valid_found_and_readable(kind: str, fhir: Client, final_case: Case) -> None:
    found = entries(fhir.get(f"/fhir/{kind}"))

    assert found
    for resource in found:
        validated(resource)
        read = fhir.get(f"/fhir/{kind}/{resource['id']}")
        assert read.json() == resource
        assert read.headers["Content-Type"] == "application/fhir+json"


def test_the_validator_refuses_a_resource_without_its_status(fhir: Client, final_case: Case) -> None:
    report = fhir.get(f"/fhir/DiagnosticReport/{final_case.pk}").json()
    del report["status"]

    with pytest.raises(ValueError, match="status"):
        validated(report)


def test_report_and_observations_state_finding_and_probabilities(fhir: Client, final_case: Case) -> None:
    report = fhir.get(f"/fhir/DiagnosticReport/{final_case.pk}").json()
    ai_result = fhir.get(f"/fhir/Observation/{final_case.pk}-ai").json()

    assert report["conclusion"] == "Pneumonia, other. Research use only. Not for diagnosis."
    assert [each["reference"] for each in report["result"]] == [
        f"Observation/{final_case.pk}-finding",
        f"Observation/{final_case.pk}-ai",
    ]
    values = {
        part["code"]["coding"][0]["code"]: part["valueQuantity"]["value"] for part in ai_result["component"]
    }
    thresholds = {
        part["code"]["coding"][0]["code"]: part["referenceRange"][0]["high"]["value"]
        for part in ai_result["component"]
    }
    assert (values, thresholds) == (PROBABILITIES, OPERATING_POINTS)


def test_no_identifier_is_shown_without_the_scope(fhir: Client, final_case: Case) -> None:
    for kind in KINDS:
        text = fhir.get(f"/fhir/{kind}").text
        assert REFERENCE not in text
        assert ACCESSION not in text


def test_identifiers_are_shown_with_the_scope(administrator: User, final_case: Case) -> None:
    full = client_of(administrator, "fhir", "identifiers")
    report = validated(full.get(f"/fhir/DiagnosticReport/{final_case.pk}").json())

    assert REFERENCE in [each["value"] for each in report["contained"][0]["identifier"]]
    assert ACCESSION in [each["value"] for each in report["identifier"]]


def test_an_identifier_is_searched_in_a_body_and_refused_in_a_url(fhir: Client, final_case: Case) -> None:
    def posted(**form: str) -> list[dict[str, Any]]:
        body = "&".join(f"{name}={value}" for name, value in form.items())
        return entries(
            fhir.post("/fhir/ImagingStudy/_search", body, content_type="application/x-www-form-urlencoded")
        )

    assert [each["id"] for each in posted(identifier=ACCESSION)] == [str(final_case.pk)]
    assert len(posted(**{"patient.identifier": REFERENCE})) == 1
    assert posted(identifier="ACC-2") == []
    refused = fhir.get("/fhir/ImagingStudy", {"identifier": ACCESSION})
    assert refused.status_code == 400
    assert validated(refused.json())["issue"][0]["code"] == "invalid"
    assert ACCESSION not in refused.text


@pytest.mark.parametrize(
    ("parameter", "value", "found"),
    [  # the radiograph has no date: its upload counts, 2026-03-02 09:30; signed at 09:35
        ("date", "2026-03-02", 1),
        ("date", "ge2026-03-02", 1),
        ("date", "gt2026-03-02", 0),
        ("date", "lt2026-03-02", 0),
        ("date", "le9998-12-31", 1),
        ("date", "le2026-03-02", 1),
        ("_lastUpdated", "ge2026-03-02T09:35:00Z", 1),
        ("_lastUpdated", "gt2026-03-02T09:35:00Z", 0),
        ("_lastUpdated", "lt2026-03-02T10:36:00+01:00", 1),
        ("_id", "00000000-0000-0000-0000-000000000000", 0),
        ("_id", "nonsense", 0),
    ],
)
def test_searches_by_date_and_id(
    parameter: str, value: str, found: int, fhir: Client, final_case: Case
) -> None:
    assert len(entries(fhir.get("/fhir/DiagnosticReport", {parameter: value}))) == found


@pytest.mark.parametrize(
    "query",
    [
        "date=yesterday",
        "date=2026-02-31",
        "_count=0",
        "_count=x",
        "_cursor=x",
        "name=x",
        "_lastUpdated=0001-01-01T00:00:00Z",
        "date=le9999-12-31",
    ],
)
def test_an_unusable_parameter_is_refused(query: str, fhir: Client, final_case: Case) -> None:
    refused = fhir.get(f"/fhir/DiagnosticReport?{query}")

    assert refused.status_code == 400
    validated(refused.json())


def test_pages_follow_each_other_without_gap_or_repetition(
    fhir: Client, final_case: Case, technician: User, radiologist: User, now: datetime
) -> None:
    for seed in range(2, 6):
        case = admission.open_case(
            radiograph=radiograph_png(seed), patient_ref=f"P-{seed}", by=technician, now=now
        ).case
        readings.sign_reading(case=case, finding="normal", by=radiologist, now=now + timedelta(minutes=5))

    seen, url = [], "/fhir/DiagnosticReport?_count=2&date=ge2026-01-01"
    while url:
        page = fhir.get(url)
        seen += [each["id"] for each in entries(page)]
        links = {link["relation"]: link["url"] for link in page.json()["link"]}
        url = links.get("next", "")

    assert sorted(seen) == sorted(str(pk) for pk in Case.objects.values_list("pk", flat=True))


def test_an_unchanged_resource_is_answered_with_304(
    fhir: Client, final_case: Case, radiologist: User, now: datetime
) -> None:
    url = f"/fhir/DiagnosticReport/{final_case.pk}"
    first = fhir.get(url)

    known = {"If-None-Match": first.headers["ETag"]}
    assert fhir.get(url, headers=known).status_code == 304
    assert fhir.get(url, headers={"If-Modified-Since": first.headers["Last-Modified"]}).status_code == 304

    reading = final_case.readings.get()
    readings.amend_reading(
        reading=reading,
        finding="normal",
        confidence="sure",
        note="",
        reason="Seen again with the prior.",
        by=radiologist,
        now=now + timedelta(hours=1),
    )
    changed = fhir.get(url, headers=known)
    assert (changed.status_code, changed.json()["status"]) == (200, "amended")


def test_a_case_that_is_open_withdrawn_or_of_another_site_is_not_found(
    fhir: Client, final_case: Case, other_site: Site, technician: User, now: datetime
) -> None:
    unread = admission.open_case(radiograph=radiograph_png(9), patient_ref="P-9", by=technician, now=now).case
    elsewhere = client_of(create_user("elsewhere", Role.ADMINISTRATOR, other_site), "fhir")
    final = f"/fhir/DiagnosticReport/{final_case.pk}"

    assert fhir.get(f"/fhir/DiagnosticReport/{unread.pk}").status_code == 404
    assert elsewhere.get(final).status_code == 404
    assert entries(elsewhere.get("/fhir/ImagingStudy")) == []
    Case.objects.filter(pk=final_case.pk).update(withdrawn_at=now)
    assert fhir.get(final).status_code == 404


def test_a_token_without_the_scope_and_a_role_without_the_permission_are_refused(
    administrator: User, radiologist: User, final_case: Case
) -> None:
    for client in (client_of(administrator, "read"), client_of(radiologist, "fhir")):
        refused = client.get("/fhir/DiagnosticReport")
        assert refused.status_code == 403
        validated(refused.json())
    assert Client().get("/fhir/DiagnosticReport").status_code == 401


def test_each_request_is_audited(fhir: Client, final_case: Case, administrator: User) -> None:
    fhir.get(f"/fhir/DiagnosticReport/{final_case.pk}")
    fhir.get("/fhir/Observation")

    events = AuditEvent.objects.filter(action=Action.FHIR_READ, by=administrator).order_by("pk")
    assert [event.target_id for event in events] == [str(final_case.pk), ""]
    assert events[1].detail == {"resource": "Observation", "cases": 1}


def test_the_capability_statement_is_valid_and_open(client: Client) -> None:
    statement = validated(client.get("/fhir/metadata").json())

    assert [each["type"] for each in statement["rest"][0]["resource"]] == list(KINDS)
    assert statement["fhirVersion"] == "4.0.1"


def test_an_unknown_resource_type_is_an_operation_outcome(fhir: Client) -> None:
    missing = fhir.get("/fhir/Medication")

    assert missing.status_code == 404
    validated(missing.json())
