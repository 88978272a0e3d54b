"""The list of cases, the case page and its polling, for authorised and unauthorised users."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.review.services import readings as review
from tests.cases.conftest import SendRadiograph
from tests.cases.predictions import finish_prediction

REFERENCE = "MRN-0077431"
LEAKS = re.compile(r"0\.83|0\.41|8317|4129|COVID-19|AI result \(|heatmap|overlay|rr-bar")


@pytest.fixture
def case(send_radiograph: SendRadiograph) -> Case:
    return send_radiograph(1, patient_ref=REFERENCE, accession_number="ACC-17", view="PA")


@pytest.fixture
def finished(case: Case, version: ModelVersion) -> Case:
    finish_prediction(case, version)
    return case


def page(user: User, route: str, case: Case | None = None, *, method: str = "get", **headers: str):
    client = Client()
    client.force_login(user)
    url = reverse(f"cases:{route}", args=[case.pk] if case else [])
    return getattr(client, method)(url, headers=headers)


def html_of(response) -> str:
    return response.content.decode()


def main_of(response) -> str:
    html = html_of(response)
    return html[html.index("<main") : html.index("</main>")]


ROUTES = ["case", "state", "radiograph", "overlay"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_user_of_another_site_finds_no_case(finished: Case, stranger: User, route: str) -> None:
    assert page(stranger, route, finished).status_code == 404


@pytest.mark.parametrize("route", ["patient", "retry"])
def test_a_user_of_another_site_may_not_act_on_a_case(finished: Case, stranger: User, route: str) -> None:
    assert page(stranger, route, finished, method="post").status_code == 404


@pytest.mark.parametrize("route", [*ROUTES, "list", "upload"])
def test_a_page_redirects_to_the_login(finished: Case, client: Client, route: str) -> None:
    url = reverse(f"cases:{route}", args=[finished.pk] if route in ROUTES else [])
    response = client.get(url)
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('accounts:login')}?next={url}"


def test_the_case_page_shows_the_ai_result_and_its_version(finished: Case, technician: User) -> None:
    html = html_of(page(technician, "case", finished))
    assert "0.83 (threshold 0.41)" in html
    assert "AI result (v1)" in html
    assert "active version" in html
    assert "The heatmap shows what raised the score, not where disease is." in html
    assert "No region raised this score." in html  # of the two classes without evidence
    assert "network 0.03 s" in html
    assert "Research use only. Not for diagnosis." in html


def test_the_case_page_shows_that_the_version_is_no_longer_active(
    finished: Case, technician: User, next_version: ModelVersion
) -> None:
    html = html_of(page(technician, "case", finished))
    assert "no longer active" in html
    assert "Run AI again with v2" in html


def test_the_case_page_contains_no_forbidden_word(finished: Case, technician: User) -> None:
    words = main_of(page(technician, "case", finished)).lower()
    assert not re.search(r"\b(positive|negative|diagnosis|lesion)\b", words)


def test_the_patient_reference_is_masked_until_it_is_revealed(case: Case, technician: User) -> None:
    html = html_of(page(technician, "case", case))
    assert REFERENCE not in html
    assert "****431" in html
    assert REFERENCE in html_of(page(technician, "patient", case, method="post"))
    event = AuditEvent.objects.filter(detail__shown="patient reference").get()
    assert (event.by, event.target_id) == (technician, str(case.pk))


def test_the_revealed_reference_is_a_fragment_for_htmx(case: Case, technician: User) -> None:
    html = html_of(page(technician, "patient", case, method="post", HX_Request="true"))
    assert REFERENCE in html
    assert "<main" not in html


def test_a_view_of_a_case_is_audited_once(finished: Case, technician: User) -> None:
    before = AuditEvent.objects.count()
    page(technician, "case", finished)
    assert AuditEvent.objects.count() == before + 1
    event = AuditEvent.objects.first()
    assert event is not None
    assert (event.action, event.by, event.target_id) == (Action.CASE_VIEWED, technician, str(finished.pk))
    assert not AuditEvent.objects.filter(detail__icontains="0077431").exists()


def test_a_radiologist_sees_no_ai_result_before_reading(finished: Case, radiologist: User) -> None:
    assert not LEAKS.findall(main_of(page(radiologist, "case", finished)))
    assert page(radiologist, "overlay", finished).status_code == 403
    assert not LEAKS.findall(main_of(page(radiologist, "list")))


def test_a_radiologist_sees_the_ai_result_after_reading(
    finished: Case, radiologist: User, now: datetime
) -> None:
    review.sign_reading(case=finished, by=radiologist, finding="normal", note="clear", now=now)
    html = html_of(page(radiologist, "case", finished))
    assert "0.83 (threshold 0.41)" in html
    assert "clear" in html  # the reading itself
    assert page(radiologist, "overlay", finished).status_code == 200


def test_only_readers_have_a_link_to_the_reading_page(
    case: Case, technician: User, radiologist: User
) -> None:
    link = reverse("review:case", args=[case.pk])
    assert link not in html_of(page(technician, "case", case))
    assert link in html_of(page(radiologist, "case", case))


def test_the_page_of_a_queued_case_polls_its_status(case: Case, technician: User) -> None:
    html = html_of(page(technician, "case", case))
    assert f'hx-get="{reverse("cases:state", args=[case.pk])}"' in html
    assert "Queued" in html
    response = page(technician, "state", case)
    assert response.status_code == 200
    assert 'hx-trigger="every 1s"' in html_of(response)


def test_a_finished_case_stops_the_polling_and_reloads_the_page(finished: Case, technician: User) -> None:
    response = page(technician, "state", finished)
    assert response.status_code == 286
    assert response["HX-Refresh"] == "true"
    assert "hx-get" not in html_of(response)


def test_polling_is_not_audited(case: Case, technician: User) -> None:
    before = AuditEvent.objects.count()
    page(technician, "state", case)
    assert AuditEvent.objects.count() == before


def test_a_failed_case_shows_the_reason_and_can_be_retried(
    case: Case, technician: User, version: ModelVersion
) -> None:
    reason = "The worker had too little memory."
    case.predictions.update(status=JobStatus.FAILED, failure_code="out_of_memory", failure_text=reason)
    html = html_of(page(technician, "case", case))
    assert reason in html
    assert "Run AI again" in html
    response = page(technician, "retry", case, method="post")
    assert response["Location"] == reverse("cases:case", args=[case.pk])
    assert case.predictions.get().status == JobStatus.QUEUED


def test_a_needless_retry_shows_an_error_message(finished: Case, technician: User) -> None:
    client = Client()
    client.force_login(technician)
    response = client.post(reverse("cases:retry", args=[finished.pk]), follow=True)
    assert "Version v1 already has a result for this radiograph." in html_of(response)


def test_the_list_shows_technicians_the_score_and_a_masked_reference(
    finished: Case, technician: User
) -> None:
    html = html_of(page(technician, "list"))
    assert "ACC-17" in html
    assert "0.83 (threshold 0.41)" in html
    assert "****431" in html
    assert REFERENCE not in html


def test_an_empty_list_explains_itself_to_a_user_of_another_site(case: Case, stranger: User) -> None:
    html = html_of(page(stranger, "list"))
    assert "ACC-17" not in html
    assert "No case yet" in html
    assert reverse("cases:upload") in html
