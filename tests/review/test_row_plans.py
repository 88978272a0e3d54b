"""How SQLite finds the few rows that belong to a case, a reader or a day: never along all cases.

It knows nothing about the rows, so of two conditions it may take that of many rows. Each query here once did.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from diagnostics.accounts.models import User
from diagnostics.administration.selectors.agreement import ai_reader_agreement
from diagnostics.cases.models import Case
from diagnostics.cases.selectors import case_with_same_pixels
from diagnostics.integrations.qido_query import QidoQuery
from diagnostics.integrations.selectors import instances
from diagnostics.monitoring.selectors.case_evidence import done_predictions
from diagnostics.monitoring.selectors.facts import facts_between
from diagnostics.review.selectors import claims, readings
from diagnostics.review.selectors.reference_cases import reference_cases
from tests.review.conftest import Admit
from tests.review.test_list_plans import plan_of

LINEAR = (  # indexes whose value most rows have, and scans
    r"SCAN (cases_|review_reading|review_claim)|cases_case USING INDEX \S+copy_of|reading_by_reader"
    r"|SEARCH review_reading USING INDEX \S+ \(supersedes_id"
    r"|radiograph_by_\w+ \(site_id=\?\)|cases_predi_status\w+ \(status=\?\)"
    r"|cases_case_site_id|INDEX open_by_|INDEX case_by_(?!time)"
)
STUDIES = ("1.2.3", *(f"2.25.{number}" for number in range(100)))  # of a file, and of cases without one
Read = Callable[[Case, User, datetime], object]
ROWS: dict[str, tuple[Read, str]] = {
    "a reader's reading of a case": (
        lambda case, user, _now: readings.own_reading(case, user),
        "review_reading_case",
    ),
    "the claim of a reader": (lambda _case, user, now: claims.claim_held_by(user, now), "review_claim"),
    "a case with the same pixels": (
        lambda case, _user, _now: case_with_same_pixels(site_id=case.site_id, pixel_sha256="0" * 64),
        "one_case_per_radiograph_and_site",
    ),
    "the reference cases": (lambda _case, user, _now: list(reference_cases(user)), "review_referencecase"),
    "the AI results of a case": (
        lambda case, _user, _now: done_predictions(case),
        "cases_prediction_case_id",
    ),
    "the agreement of an hour": (
        lambda _case, user, now: ai_reader_agreement(user, now=now, over=timedelta(minutes=9)),
        "review_read_signed",
    ),
    "what happened on a day": (
        lambda _case, _user, now: list(facts_between(now - timedelta(days=1), now)),
        "cases_predi_finishe|review_read_signed|final_by_time",
    ),
    "studies by their UIDs": (
        lambda _case, user, _now: instances.page_of_studies(
            user, QidoQuery(uids={"StudyInstanceUID": STUDIES}), identifiers=False
        ),
        "radiograph_by_study_uid",
    ),
    "the newest studies": (
        lambda _case, user, _now: instances.page_of_studies(user, QidoQuery(), identifiers=False),
        "radiograph_by_study_uid",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_few_rows_are_found_without_reading_all_cases(
    name: str, admit: Admit, radiologist: User, now: datetime
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL counts its rows and chooses by their number")
    case, (read, index) = admit(1), ROWS[name]
    with CaptureQueriesContext(connection) as captured:
        read(case, radiologist, now)
    plans = [
        plan_of(query["sql"]) for query in captured.captured_queries if query["sql"].startswith("SELECT")
    ]
    assert any(re.search(index, plan) for plan in plans), plans
    assert [plan for plan in plans if re.search(LINEAR, plan)] == []
