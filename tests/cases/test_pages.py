"""The list, a case and its polling, tried by those who may and by those who may not."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Priority
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.review.services import readings as review
from tests.cases.answered import answer_case
from tests.cases.conftest import SendRadiograph

REFERENCE = "MRN-0077431"
TOLD = re.compile(r"0\.83|0\.41|8317|4129|COVID-19|heat/|overlay|rr-bar")


@pytest.fixture
def case(send_radiograph: SendRadiograph) -> Case:
    return send_radiograph(1, patient_ref=REFERENCE, accession_number="ACC-17", view="PA")


@pytest.fixture
def answered(case: Case, version: ModelVersion) -> Case:
    answer_case(case, version)
    return case


def page(user: User, route: str, case: Case | None = None, *, method: str = "get", **headers: str):
    client = Client()
    client.force_login(user)
    url = reverse(f"cases:{route}", args=[case.pk] if case else [])
    return getattr(client, method)(url, headers=headers)


def text(response) -> str:
    return response.content.decode()


def main_of(response) -> str:
    html = text(response)
    return html[html.index("<main") : html.index("</main>")]


ROUTES = ["case", "state", "radiograph", "overlay"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_stranger_finds_no_case(answered: Case, stranger: User, route: str) -> None:
    assert page(stranger, route, answered).status_code == 404


@pytest.mark.parametrize("route", ["patient", "retry"])
def test_a_stranger_may_ask_nothing_of_a_case(answered: Case, stranger: User, route: str) -> None:
    assert page(stranger, route, answered, method="post").status_code == 404


@pytest.mark.parametrize("route", [*ROUTES, "list", "upload"])
def test_whoever_is_not_logged_in_is_asked_to(answered: Case, client: Client, route: str) -> None:
    url = reverse(f"cases:{route}", args=[answered.pk] if route in ROUTES else [])
    response = client.get(url)
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('accounts:login')}?next={url}"


def test_the_case_page_says_what_the_machine_said_and_who_said_it(answered: Case, technician: User) -> None:
    html = text(page(technician, "case", answered))
    assert "COVID-19 0.83, above 0.41" in html
    assert "The machine (v1) says" in html
    assert "in force" in html
    assert "Where the model looked, not where disease is." in html
    assert "No region raised this score." in html  # of the two classes without heat
    assert "network 0.03 s" in html
    assert "Research use only. Not for diagnosis." in html


def test_the_case_page_says_when_another_version_is_in_force(
    answered: Case, technician: User, next_version: ModelVersion
) -> None:
    html = text(page(technician, "case", answered))
    assert "not in force any more" in html
    assert "Ask v2, now in force" in html


def test_no_forbidden_word_stands_on_the_case_page(answered: Case, technician: User) -> None:
    words = main_of(page(technician, "case", answered)).lower()
    assert not re.search(r"\b(positive|negative|diagnosis|lesion)\b", words)


def test_the_patient_reference_is_masked_until_somebody_asks(case: Case, technician: User) -> None:
    html = text(page(technician, "case", case))
    assert REFERENCE not in html
    assert "****431" in html
    assert REFERENCE in text(page(technician, "patient", case, method="post"))
    asked = AuditEvent.objects.filter(detail__shown="patient reference").get()
    assert (asked.by, asked.target_id) == (technician, str(case.pk))


def test_the_fragment_of_the_reference_is_no_whole_page(case: Case, technician: User) -> None:
    html = text(page(technician, "patient", case, method="post", HX_Request="true"))
    assert REFERENCE in html
    assert "<main" not in html


def test_looking_at_a_case_is_one_line_of_the_record(answered: Case, technician: User) -> None:
    before = AuditEvent.objects.count()
    page(technician, "case", answered)
    assert AuditEvent.objects.count() == before + 1
    event = AuditEvent.objects.first()
    assert event is not None
    assert (event.action, event.by, event.target_id) == (Action.CASE_VIEWED, technician, str(answered.pk))
    assert not AuditEvent.objects.filter(detail__icontains="0077431").exists()


def test_a_radiologist_learns_nothing_of_the_machine_before_reading(
    answered: Case, radiologist: User
) -> None:
    assert not TOLD.findall(main_of(page(radiologist, "case", answered)))
    assert page(radiologist, "overlay", answered).status_code == 403
    assert not TOLD.findall(main_of(page(radiologist, "list")))


def test_a_radiologist_sees_the_answer_after_reading(
    answered: Case, radiologist: User, now: datetime
) -> None:
    review.sign_reading(case=answered, by=radiologist, finding="normal", note="clear", now=now)
    html = text(page(radiologist, "case", answered))
    assert "COVID-19 0.83, above 0.41" in html
    assert "clear" in html  # the reading itself
    assert page(radiologist, "overlay", answered).status_code == 200


def test_only_readers_are_led_to_the_reading_page(case: Case, technician: User, radiologist: User) -> None:
    link = reverse("review:case", args=[case.pk])
    assert link not in text(page(technician, "case", case))
    assert link in text(page(radiologist, "case", case))


def test_a_waiting_case_asks_again_by_itself(case: Case, technician: User) -> None:
    html = text(page(technician, "case", case))
    assert f'hx-get="{reverse("cases:state", args=[case.pk])}"' in html
    assert "The radiograph waits for the machine." in html
    response = page(technician, "state", case)
    assert response.status_code == 200
    assert 'hx-trigger="every 1s"' in text(response)


def test_a_finished_case_ends_the_polling_and_reloads(answered: Case, technician: User) -> None:
    response = page(technician, "state", answered)
    assert response.status_code == 286
    assert response["HX-Refresh"] == "true"
    assert "hx-get" not in text(response)


def test_following_a_case_is_no_line_of_the_record(case: Case, technician: User) -> None:
    before = AuditEvent.objects.count()
    page(technician, "state", case)
    assert AuditEvent.objects.count() == before


def test_a_failed_case_says_why_and_can_be_tried_again(
    case: Case, technician: User, version: ModelVersion
) -> None:
    why = "The worker had too little memory."
    case.predictions.update(status=JobStatus.FAILED, failure_code="out_of_memory", failure_text=why)
    html = text(page(technician, "case", case))
    assert why in html
    assert "Try again" in html
    response = page(technician, "retry", case, method="post")
    assert response["Location"] == reverse("cases:case", args=[case.pk])
    assert case.predictions.get().status == JobStatus.QUEUED


def test_asking_again_without_need_is_refused_in_words(answered: Case, technician: User) -> None:
    client = Client()
    client.force_login(technician)
    response = client.post(reverse("cases:retry", args=[answered.pk]), follow=True)
    assert "Version v1 has answered for this radiograph." in text(response)


def test_the_list_shows_technicians_the_score_and_masks_the_patient(answered: Case, technician: User) -> None:
    html = text(page(technician, "list"))
    assert "ACC-17" in html
    assert "0.83, above 0.41" in html
    assert "****431" in html
    assert REFERENCE not in html


def test_a_stranger_sees_an_empty_list_that_says_what_will_stand_there(case: Case, stranger: User) -> None:
    html = text(page(stranger, "list"))
    assert "ACC-17" not in html
    assert "No case yet" in html
    assert reverse("cases:upload") in html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=queued", {"ROUTINE-1", "STAT-2"}),
        ("status=done", set()),
        ("priority=stat", {"STAT-2"}),
        ("q=routine", {"ROUTINE-1"}),
        ("q=P-2", set()),  # the reference of a patient finds nothing
        ("status=nonsense&sort=nonsense&page=99", {"ROUTINE-1", "STAT-2"}),
    ],
)
def test_the_address_narrows_the_list(
    send_radiograph: SendRadiograph, technician: User, client: Client, query: str, found: set[str]
) -> None:
    send_radiograph(1, accession_number="ROUTINE-1")
    send_radiograph(2, accession_number="STAT-2", priority=Priority.STAT)
    client.force_login(technician)
    html = client.get(f"{reverse('cases:list')}?{query}").content.decode()
    assert {number for number in ("ROUTINE-1", "STAT-2") if number in html} == found


def test_the_list_sorts_by_urgency_and_marks_stat(
    send_radiograph: SendRadiograph, technician: User, client: Client
) -> None:
    send_radiograph(1, accession_number="STAT-1", priority=Priority.STAT)
    send_radiograph(2, accession_number="ROUTINE-2")
    client.force_login(technician)
    html = client.get(f"{reverse('cases:list')}?sort=priority").content.decode()
    assert html.index("STAT-1") < html.index("ROUTINE-2")
    assert html.count('class="rr-row-stat"') == 1


def test_a_longer_list_asks_the_database_no_more_often(
    send_radiograph: SendRadiograph, version: ModelVersion, technician: User, client: Client
) -> None:
    client.force_login(technician)
    answer_case(send_radiograph(1), version)
    client.get(reverse("cases:list"))  # the first visit also writes down when the session began
    with CaptureQueriesContext(connection) as for_one:
        client.get(reverse("cases:list"))
    for seed in (2, 3, 4):
        answer_case(send_radiograph(seed), version)
    with CaptureQueriesContext(connection) as for_four:
        client.get(reverse("cases:list"))
    assert len(for_four) == len(for_one)
