"""Patient references: masked in lists, in full for one case at a time, and never without an audit event."""

from __future__ import annotations

import re
from datetime import datetime
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.audit.selectors.events import visible_to
from diagnostics.cases.models import Case
from diagnostics.jobs.models import JobStatus
from tests.cases.conftest import Login, SendRadiograph

REFERENCE = "CANARY-0077431"
LIST = "/api/v1/cases/"


@pytest.fixture
def case(send_radiograph: SendRadiograph) -> Case:
    return send_radiograph(1, patient_ref=REFERENCE, accession_number="ACC-1")


@pytest.fixture
def events(case: Case) -> object:
    """Return the details of the events of an action; the case exists before them."""
    return lambda action: list(AuditEvent.objects.filter(action=action).values_list("detail", flat=True))


def with_scopes(user: User, *scopes: str) -> APIClient:
    client = APIClient()
    client.force_authenticate(user, token=SimpleNamespace(scopes=scopes))  # type: ignore[arg-type]
    return client


@pytest.mark.parametrize("role", ["technician", "radiologist", "administrator"])
@pytest.mark.parametrize("scopes", [(), ("read", "upload", "review", "train", "admin")])
def test_the_api_list_masks_references_for_every_role(
    case: Case, request: pytest.FixtureRequest, role: str, scopes: tuple[str, ...]
):
    user = request.getfixturevalue(role)
    session = Client()
    session.force_login(user)

    for client in (session, with_scopes(user, *scopes)):
        body = client.get(LIST)
        (shown,) = (one["patient_ref"] for one in body.json()["results"])
        assert re.fullmatch(r"\*{4}431 [A-Z2-7]{8}", shown)
        assert REFERENCE not in body.content.decode()


def test_a_token_with_the_scope_of_identifiers_lists_full_references(case: Case, technician: User, events):
    body = with_scopes(technician, "read", "identifiers").get(LIST).json()

    assert body["results"][0]["patient_ref"] == REFERENCE
    assert events(Action.CASES_LISTED) == [{"cases": 1, "filters": [], "references": "full"}]


def test_the_scope_gives_no_reference_of_another_site(case: Case, stranger: User):
    assert with_scopes(stranger, "identifiers").get(LIST).json()["results"] == []


def test_each_list_is_one_event_with_its_size_and_the_names_of_its_filters(
    case: Case, send_radiograph: SendRadiograph, technician: User, api_client: Login, events
):
    send_radiograph(2)
    client = api_client(technician)

    client.get(LIST)
    client.get(LIST, {"status": "queued", "ordering": "opened_at", "JANE-DOE": REFERENCE})
    client.get(LIST, {"status": "done"})
    client.get(LIST, {"status": "lost"})  # refused, shows nothing

    assert events(Action.CASES_LISTED)[::-1] == [
        {"cases": 2, "filters": [], "references": "masked"},
        {"cases": 2, "filters": ["status", "ordering"], "references": "masked"},
        {"cases": 0, "filters": ["status"], "references": "masked"},
    ]
    recorded = str(list(AuditEvent.objects.values()))
    assert REFERENCE not in recorded
    assert "JANE" not in recorded


def test_the_wait_of_the_uploader_is_no_view_and_every_other_response_is_audited(
    case: Case, technician: User, administrator: User, api_client: Login, events
):
    client, url = api_client(technician), reverse("api-case", args=[case.pk])
    for status in (JobStatus.QUEUED, JobStatus.RUNNING):
        case.predictions.update(status=status)
        assert client.get(url).json()["patient_ref"] == REFERENCE
    assert events(Action.CASE_VIEWED) == []

    assert api_client(administrator).get(url).json()["patient_ref"] == REFERENCE
    assert len(events(Action.CASE_VIEWED)) == 1

    case.predictions.update(status=JobStatus.FAILED)

    assert client.get(url).json()["patient_ref"] == REFERENCE
    assert len(events(Action.CASE_VIEWED)) == 2


def test_an_imported_case_without_a_prediction_is_audited_when_read(
    case: Case, technician: User, api_client: Login, events
):
    case.predictions.all().delete()

    assert api_client(technician).get(reverse("api-case", args=[case.pk])).json()["patient_ref"] == REFERENCE
    assert len(events(Action.CASE_VIEWED)) == 1


def test_the_export_of_first_readings_is_one_event(case: Case, administrator: User, events):
    client = Client()
    client.force_login(administrator)

    client.get(reverse("review:readers-export"))

    assert events(Action.READINGS_EXPORTED) == [{"readings": 0, "cases": 0}]


def test_the_event_of_a_list_is_visible_at_the_sites_of_its_user(
    case: Case, technician: User, administrator: User, other_site: Site, now: datetime
):
    with_scopes(technician).get(LIST)

    assert visible_to(administrator).filter(action=Action.CASES_LISTED).count() == 1
