"""Rows of the list of cases: findings, readers and AI results, as far as the role may see them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.template import Template
from django.test.signals import template_rendered

from diagnostics.accounts.models import User
from diagnostics.cases.models import PredictionShown, Priority
from diagnostics.cases.services.blinding import record_prediction_shown
from diagnostics.jobs.models import JobStatus
from diagnostics.review.services import assignments, claims, readings, undo_signature
from tests.review.case_list import page_of, row_of
from tests.review.conftest import Admit, Classify, Imported


@contextmanager
def counted_rows() -> Iterator[list[str]]:
    """Count the rows that are rendered and not taken from the cache of rendered rows."""
    rendered: list[str] = []

    def count(template: Template, **_: object) -> None:
        if template.name == "review/_case_row.html":
            rendered.append(template.name)

    template_rendered.connect(count)
    try:
        yield rendered
    finally:
        template_rendered.disconnect(count)


def test_a_row_is_rendered_once_until_something_in_it_changes(administrator: User, admit: Admit) -> None:
    case, _other = admit(1), admit(2)
    with counted_rows() as rendered:
        assert "Priority STAT" not in row_of(page_of(administrator), case)
        assert len(rendered) == 2
        page_of(administrator)
        assert len(rendered) == 2
        case.priority = Priority.STAT
        case.save()
        assert "STAT" in row_of(page_of(administrator), case)
        assert len(rendered) == 3


def test_a_row_that_another_role_has_opened_shows_a_reader_no_more_than_before(
    administrator: User, radiologist: User, admit: Admit, classify: Classify
) -> None:
    case = admit(1)
    classify(case)
    shown = row_of(page_of(administrator), case)
    hidden = row_of(page_of(radiologist), case)
    assert "COVID-19" in shown
    assert "COVID-19" not in hidden


def test_an_imported_case_shows_its_finding_and_that_it_is_imported(
    technician: User, administrator: User, imported: Imported
) -> None:
    case = imported(1, "pneumonia")
    for user in (technician, administrator):
        row = row_of(page_of(user, status="imported"), case)
        assert "Imported" in row
        assert "Pneumonia, other imported" in row
        assert "To read" not in row


def test_the_finding_of_an_imported_case_is_hidden_from_readers_who_may_still_read_it(
    radiologist: User, imported: Imported
) -> None:
    case = imported(1, "pneumonia")
    row = row_of(page_of(radiologist, status="imported"), case)
    assert "Imported" in row
    assert "Pneumonia" not in row
    assert "hidden until read" in row


def test_a_final_case_shows_its_finding_and_its_readers(
    technician: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    second_radiologist.first_name, second_radiologist.last_name = "Kim", "Lee"
    second_radiologist.save()
    final, waiting = admit(1), admit(2)
    readings.sign_reading(case=final, by=second_radiologist, finding="covid-19", now=now)
    html = page_of(technician)
    assert "COVID-19" in row_of(html, final)
    assert "Kim Lee" in row_of(html, final)
    assert "Kim Lee" not in row_of(html, waiting)


def test_the_row_of_a_claimed_case_names_its_reader_and_of_an_assigned_one_its_assignee(
    administrator: User, radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    claimed, assigned = admit(1), admit(2)
    claims.claim(case=claimed, by=radiologist, now=now)
    claims_until = now + timedelta(days=3650)
    claimed.claims.update(until=claims_until)
    assignments.assign(cases=[assigned], to=second_radiologist, by=administrator, now=now)
    html = page_of(administrator)
    assert "Being read by radiologist" in row_of(html, claimed)
    assert "colleague assigned" in row_of(html, assigned)


def test_a_reader_sees_the_ai_result_of_the_cases_whose_result_was_seen_and_of_no_other(
    radiologist: User, second_radiologist: User, admit: Admit, classify: Classify, now: datetime
) -> None:
    waiting, own, seen, of_others = (admit(number) for number in range(4))
    predictions = {case.pk: classify(case) for case in (waiting, own, seen, of_others)}
    for case, by in ((own, radiologist), (seen, radiologist), (of_others, second_radiologist)):
        readings.sign_reading(case=case, by=by, finding="normal", now=now)
    record_prediction_shown(radiologist, [predictions[seen.pk]], now)

    html = page_of(radiologist, status="all")

    assert "0.83 (threshold 0.41)" in row_of(html, seen)
    assert html.count("0.83") == 1
    assert "hidden until read" in row_of(html, waiting)
    for case in (own, of_others):
        assert "on the case page" in row_of(html, case)
    assert PredictionShown.objects.count() == 1


def test_the_list_leaves_the_signature_of_a_moment_ago_undoable(
    radiologist: User, admit: Admit, classify: Classify, now: datetime
) -> None:
    case = admit(1)
    classify(case)
    readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    page_of(radiologist, status="final")
    undo_signature.undo_signature(case=case, by=radiologist, now=now + timedelta(seconds=5))
    case.refresh_from_db()
    assert case.finalized_at is None


def test_a_failed_prediction_and_a_stopped_one_say_so(
    technician: User, radiologist: User, admit: Admit, classify: Classify
) -> None:
    failed, stopped = admit(1), admit(2)
    classify(failed, JobStatus.FAILED)
    prediction = classify(stopped)
    prediction.outcome, prediction.quality_code = "not-scored", "lateral-view"
    prediction.save()
    html = page_of(technician)
    assert "AI failed" in row_of(html, failed)
    assert "No AI result: lateral view" in row_of(html, stopped)
    assert "lateral view" not in page_of(radiologist)
