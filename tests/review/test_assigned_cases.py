"""Assigned cases after the reading of their reader: the next reading is open to the other readers."""

from __future__ import annotations

from datetime import datetime

import pytest

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case
from diagnostics.cases.services.blinding import record_prediction_shown
from diagnostics.review.models import Queue
from diagnostics.review.services import assignments, claims, readings, second_opinion, undo_signature
from tests.review.conftest import Admit, Classify


def sign(case: Case, by: User, now: datetime, finding: str = "normal") -> None:
    readings.sign_reading(case=case, by=by, finding=finding, now=now)


def served(by: User, now: datetime, queue: Queue = Queue.CLINICAL) -> Case | None:
    claim = claims.claim_next(by=by, now=now, queue=queue)
    return claim.case if claim else None


@pytest.mark.usefixtures("two_readers")
def test_a_case_that_its_assignee_has_read_is_served_to_the_second_reader(
    radiologist: User, second_radiologist: User, administrator: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    assignments.assign(cases=[case], to=radiologist, by=administrator, now=now)
    assert served(second_radiologist, now) is None

    sign(case, radiologist, now)

    assert served(second_radiologist, now) == case


@pytest.mark.usefixtures("two_readers")
def test_a_disagreement_with_the_assignee_is_served_to_an_adjudicator(
    radiologist: User,
    second_radiologist: User,
    third_radiologist: User,
    administrator: User,
    admit: Admit,
    now: datetime,
) -> None:
    case = admit(1)
    sign(case, radiologist, now)
    assignments.assign(cases=[case], to=second_radiologist, by=administrator, now=now)
    sign(case, second_radiologist, now, "covid-19")

    assert served(third_radiologist, now, Queue.ADJUDICATION) == case


def test_a_second_opinion_on_an_assigned_case_is_served(
    radiologist: User, second_radiologist: User, administrator: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    assignments.assign(cases=[case], to=radiologist, by=administrator, now=now)
    sign(case, radiologist, now)
    case.refresh_from_db()
    second_opinion.request_second_opinion(case=case, by=radiologist, now=now)

    assert served(second_radiologist, now) == case


def test_a_case_whose_assignee_has_seen_the_ai_result_is_served_to_others(
    radiologist: User,
    second_radiologist: User,
    administrator: User,
    admit: Admit,
    classify: Classify,
    now: datetime,
) -> None:
    case = admit(1)
    assignments.assign(cases=[case], to=radiologist, by=administrator, now=now)
    record_prediction_shown(radiologist, [classify(case)], now)

    assert served(second_radiologist, now) == case


@pytest.mark.usefixtures("two_readers")
def test_a_case_whose_assignee_has_undone_the_signature_is_reserved_again(
    radiologist: User, second_radiologist: User, administrator: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    assignments.assign(cases=[case], to=radiologist, by=administrator, now=now)
    claims.claim(case=case, by=radiologist, now=now)
    sign(case, radiologist, now)
    undo_signature.undo_signature(case=case, by=radiologist, now=now)
    claims.release(case=case, by=radiologist, now=now)

    assert served(second_radiologist, now) is None
