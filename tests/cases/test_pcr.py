"""RT-PCR results, withheld from blind readers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, PcrResult
from diagnostics.cases.services import pcr
from diagnostics.errors import DomainError
from diagnostics.review.services import readings as review
from tests.cases.conftest import SendRadiograph


@pytest.fixture
def case(send_radiograph: SendRadiograph) -> Case:
    return send_radiograph(1)


def record(case: Case, by: User, now: datetime, result: str = "detected", **rest: date) -> PcrResult:
    return pcr.record_pcr(case=case, result=result, taken_on=rest.get("taken_on"), by=by, now=now)


def page(client: Client, case: Case, user: User) -> str:
    client.force_login(user)
    return client.get(reverse("cases:case", args=[case.pk])).content.decode()


def api_result(client: Client, case: Case, user: User) -> str | None:
    client.force_login(user)
    result: str | None = client.get(reverse("api-case", args=[case.pk])).json()["rt_pcr"]
    return result


def test_the_newest_result_is_shown_and_the_older_is_stored(
    case: Case, technician: User, client: Client, now: datetime
) -> None:
    record(case, technician, now, "inconclusive")
    record(case, technician, now + timedelta(minutes=5), "not-detected", taken_on=date(2026, 3, 1))
    html = page(client, case, technician)
    assert "Virus not detected" in html
    assert "sample of 2026-03-01" in html
    assert api_result(client, case, technician) == "not-detected"
    assert PcrResult.objects.count() == 2
    assert AuditEvent.objects.filter(action=Action.PCR_RECORDED).count() == 2


def test_a_reader_sees_the_result_only_after_the_own_reading(
    case: Case, technician: User, radiologist: User, client: Client, now: datetime
) -> None:
    record(case, technician, now)
    html = page(client, case, radiologist)
    assert "Virus detected" not in html
    assert "Shown after you have signed your reading." in html
    assert api_result(client, case, radiologist) is None
    with pytest.raises(DomainError):
        record(case, radiologist, now)
    review.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    assert "Virus detected" in page(client, case, radiologist)
    assert api_result(client, case, radiologist) == "detected"


def test_a_normal_finding_may_contradict_a_detected_virus(
    case: Case, technician: User, radiologist: User, now: datetime
) -> None:
    record(case, technician, now, "detected")
    reading = review.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    assert reading.finding == "normal"


def test_a_result_is_recorded_on_the_case_page(case: Case, technician: User, client: Client) -> None:
    client.force_login(technician)
    address = reverse("cases:pcr", args=[case.pk])
    client.post(address, {"result": "detected", "taken_on": "2026-03-01"})
    assert PcrResult.objects.get().taken_on == date(2026, 3, 1)
    for invalid in ({"result": "maybe"}, {"result": "detected", "taken_on": "yesterday"}, {}):
        html = client.post(address, invalid, follow=True).content.decode()
        assert "Please choose a result" in html
    assert PcrResult.objects.count() == 1


def test_a_result_of_another_site_or_with_a_future_sample_date_is_refused(
    case: Case, stranger: User, technician: User, client: Client, now: datetime
) -> None:
    with pytest.raises(DomainError):
        record(case, stranger, now)
    with pytest.raises(DomainError, match="in the future"):
        record(case, technician, now, taken_on=now.date() + timedelta(days=1))
    client.force_login(stranger)
    assert client.post(reverse("cases:pcr", args=[case.pk]), {"result": "detected"}).status_code == 404


def test_a_sample_of_today_is_accepted_where_the_day_has_begun(case: Case, technician: User) -> None:
    now = datetime(2026, 3, 4, 23, 30, tzinfo=UTC)  # 08:30 on March 5 in Tokyo
    with timezone.override("Asia/Tokyo"):
        assert record(case, technician, now, taken_on=date(2026, 3, 5)).taken_on == date(2026, 3, 5)
        with pytest.raises(DomainError):
            record(case, technician, now, taken_on=date(2026, 3, 6))
