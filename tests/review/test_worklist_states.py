"""The state of each case on the worklist, priors, and the progress of the day."""

from __future__ import annotations

from datetime import datetime, timedelta

from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Priority
from diagnostics.cases.selectors import patient as patients
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import Reading
from diagnostics.review.selectors import list_counts, queues, worklist
from diagnostics.review.services import claims, readings, second_opinion
from diagnostics.review.worklist_query import WorklistQuery, WorklistState
from tests.review.conftest import Admit, Classify


def signed(case: Case, by: User, now: datetime, finding: str = "normal") -> Reading:
    return readings.sign_reading(case=case, by=by, finding=finding, now=now)


def test_a_case_that_cannot_be_judged_counts_as_read(radiologist: User, admit: Admit, now: datetime) -> None:
    signed(admit(1), radiologist, now, "cannot-judge")
    assert not queues.readable_cases(radiologist, now).exists()
    assert list_counts.counts(radiologist, now)[WorklistState.FINAL] == 1


def test_each_case_has_one_state_and_the_counts_agree(
    radiologist: User,
    second_radiologist: User,
    third_radiologist: User,
    admit: Admit,
    classify: Classify,
    now: datetime,
) -> None:
    stands = {number: admit(number) for number in range(8)}
    classify(stands[0], JobStatus.QUEUED)
    classify(stands[1], JobStatus.RUNNING)
    classify(stands[2], JobStatus.FAILED)
    classify(stands[3])
    claims.claim(case=stands[4], by=second_radiologist, now=now)
    for number in (5, 6, 7):
        signed(stands[number], second_radiologist, now)
    for number in (6, 7):
        second_opinion.request_second_opinion(case=stands[number], by=second_radiologist, now=now)
    signed(stands[7], third_radiologist, now, "pneumonia")
    states = {
        case: vars(case)["state"]
        for case in worklist.with_details(worklist.worklist(radiologist, now=now), now)
    }
    assert states == {
        stands[0]: WorklistState.RECEIVED,
        stands[1]: WorklistState.PROCESSING,
        stands[2]: WorklistState.FAILED,
        stands[3]: WorklistState.TO_READ,
        stands[4]: WorklistState.READING,
        stands[6]: WorklistState.SECOND_READ,
        stands[7]: WorklistState.NEEDS_ADJUDICATION,
    }
    assert list(worklist.worklist(radiologist, WorklistQuery(status=WorklistState.FINAL), now=now)) == [
        stands[5]
    ]
    # To read is neither the case that a colleague has claimed nor the one that needs adjudication.
    counted = {"": 7, "to-read": 5, "needs-adjudication": 1, "final": 1, "failed": 1, "all": 8}
    assert list_counts.counts(radiologist, now) == counted | {"mine": 0, "imported": 0}


def test_the_worklist_is_searched_by_accession_number_within_the_own_sites(
    radiologist: User, admit: Admit, other_site: Site, now: datetime
) -> None:
    old, new, stat = admit(1), admit(2), admit(13, priority=Priority.STAT)
    admit(4, at=other_site)
    assert list(worklist.worklist(radiologist, now=now)) == [stat, old, new]
    assert list(worklist.worklist(radiologist, WorklistQuery(q="acc-1"), now=now)) == [stat, old]


def test_priors_are_earlier_radiographs_of_the_same_patient_at_the_same_site(
    radiologist: User, admit: Admit, other_site: Site, now: datetime
) -> None:
    radiologist.sites.add(other_site)
    case, prior = admit(2, patient="P"), admit(1, patient="P")
    admit(0, patient="Q"), admit(0, patient="P", at=other_site), admit(3, patient="P")
    assert patients.priors(case, radiologist) == [prior]


def test_the_progress_of_the_day_starts_at_local_midnight(
    radiologist: User, admit: Admit, now: datetime, settings: Settings
) -> None:
    settings.TIME_ZONE = "America/New_York"  # 4:30 in the morning there
    signed(admit(1), radiologist, now - timedelta(hours=5))
    signed(admit(2), radiologist, now - timedelta(hours=4))
    admit(3)
    today = list_counts.day_progress(radiologist, now)
    assert (today.signed, today.to_read, today.number, today.total) == (1, 1, 2, 2)
