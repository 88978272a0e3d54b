"""Bulk actions on cases selected in the worklist."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case, Prediction
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion, Promotion
from diagnostics.review.models import Assignment
from tests.review.conftest import Admit, Classify


def test_classify_again_queues_failed_cases_and_reports_skipped_ones(
    reader: Client, admit: Admit, classify: Classify, now: datetime
) -> None:
    failed, classified = [admit(1), admit(2)], admit(3)
    for case in failed:
        classify(case, JobStatus.FAILED)
    classify(classified)
    Promotion.objects.create(version=ModelVersion.objects.get(), reason="for a test", since=now)
    ids = [str(case.pk) for case in (*failed, classified)]

    page = reader.post(reverse("review:bulk"), {"case": ids, "action": "retry"}, follow=True).content.decode()

    assert "2 radiographs queued for classification. 1 skipped" in page
    assert set(Prediction.objects.filter(status=JobStatus.QUEUED).values_list("case", flat=True)) == {
        case.pk for case in failed
    }
    again = reader.post(
        reverse("review:bulk"), {"case": ids, "action": "retry"}, follow=True
    ).content.decode()
    assert "0 radiographs queued for classification. 3 skipped" in again


def test_classify_again_without_an_active_version_shows_the_error(
    reader: Client, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case, JobStatus.FAILED)
    form = {"case": str(case.pk), "action": "retry"}
    page = reader.post(reverse("review:bulk"), form, follow=True).content.decode()
    assert "No model version is active." in page
    assert Prediction.objects.get().status == JobStatus.FAILED


WORKLIST = "cases:list"


def test_many_cases_are_assigned_and_prioritized_at_once(
    reader: Client, second_radiologist: User, admit: Admit
) -> None:
    cases = [admit(number) for number in range(3)]
    ids = [str(case.pk) for case in cases]
    response = reader.post(
        reverse("review:bulk"), {"case": ids, "action": "urgent", "here": "sort=accession&evil=1"}
    )
    assert response["Location"] == f"{reverse(WORKLIST)}?sort=accession"
    assert set(Case.objects.values_list("priority", flat=True)) == {"urgent"}
    reader.post(reverse("review:bulk"), {"case": ids[:2], "action": "assign", "to": "colleague"})
    assert Assignment.objects.filter(to=second_radiologist).count() == 2
    reader.post(reverse("review:bulk"), {"case": ids, "action": "assign", "to": ""})
    assert not Assignment.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "urgent"},
        {"action": "urgent", "case": "no id"},
        {"action": "delete", "case": "x"},
        {"action": "assign", "to": "nobody", "case": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_an_invalid_bulk_action_shows_an_error_and_changes_nothing(
    wrong: dict[str, str], reader: Client, admit: Admit
) -> None:
    admit(1)
    page = reader.post(reverse("review:bulk"), wrong, follow=True).content.decode()
    assert "rr-alert" in page
    assert not Assignment.objects.exists()
    assert Case.objects.get().priority == "routine"


def test_an_administrator_withdraws_selected_cases_for_a_reason(
    client: Client, administrator: User, admit: Admit
) -> None:
    cases = [admit(number) for number in range(3)]
    ids = [str(case.pk) for case in cases[:2]]
    client.force_login(administrator)
    form = {"case": ids, "action": "withdraw"}
    without = client.post(reverse("review:bulk"), form, follow=True).content.decode()
    assert "rr-tone-stat" in without
    assert not Case.objects.filter(withdrawn_at__isnull=False).exists()

    page = client.post(reverse("review:bulk"), form | {"reason": "sent twice"}, follow=True).content.decode()

    assert "2 cases changed." in page
    assert {str(case.pk) for case in Case.objects.filter(withdrawn_at__isnull=False)} == set(ids)
    again = client.post(reverse("review:bulk"), form | {"reason": "again"}, follow=True).content.decode()
    assert "0 cases changed." in again


def test_a_radiologist_withdraws_no_selected_cases(reader: Client, admit: Admit) -> None:
    form = {"case": str(admit(1).pk), "action": "withdraw", "reason": "sent twice"}
    page = reader.post(reverse("review:bulk"), form, follow=True).content.decode()
    assert "Your role" in page
    assert not Case.objects.filter(withdrawn_at__isnull=False).exists()
    assert 'value="withdraw"' not in page
