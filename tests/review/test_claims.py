"""Claims: serving order, lease, renewal and release, and readers who claim at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from diagnostics.accounts.models import Site, User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case, Priority
from diagnostics.errors import NotAllowed
from diagnostics.jobs.models import JobStatus
from diagnostics.review.errors import AlreadySigned, ClaimedByAnother, ClaimExpired
from diagnostics.review.models import Claim
from diagnostics.review.selectors import claims as claim_selectors
from diagnostics.review.selectors import queues
from diagnostics.review.services import claims, readings
from tests.review.conftest import Admit, Classify


def given_to(reader: User, now: datetime) -> Case:
    claim = claims.claim_next(by=reader, now=now)
    assert claim is not None
    return claim.case


def test_cases_are_served_stat_first_then_urgent_then_routine_each_by_age(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    routine = admit(1)
    late_stat = admit(5, priority=Priority.STAT)
    urgent = admit(2, priority=Priority.URGENT)
    stat = admit(4, priority=Priority.STAT)
    late_routine = admit(3)
    served = []
    for _case in range(5):
        case = given_to(radiologist, now)
        readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
        served.append(case)
    assert served == [stat, late_stat, urgent, routine, late_routine]
    assert claims.claim_next(by=radiologist, now=now) is None


def test_claiming_next_again_renews_the_active_claim(radiologist: User, admit: Admit, now: datetime) -> None:
    admit(1)
    first = given_to(radiologist, now)
    admit(2, priority=Priority.STAT)
    later = now + timedelta(minutes=4)
    assert given_to(radiologist, later) == first
    assert Claim.objects.get().until == later + settings.CLAIM_LEASE


def test_a_case_claimed_by_another_reader_is_not_served(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    first, second = admit(1), admit(2)
    assert given_to(radiologist, now) == first
    assert given_to(second_radiologist, now) == second
    assert list(queues.readable_cases(second_radiologist, now)) == [second]


def test_a_claim_expires_and_the_next_reader_gets_the_case(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    given_to(radiologist, now)
    just_before = now + settings.CLAIM_LEASE - timedelta(seconds=1)
    assert claims.claim_next(by=second_radiologist, now=just_before) is None
    after = now + settings.CLAIM_LEASE
    assert given_to(second_radiologist, after) == case
    ended, held = Claim.objects.order_by("since")
    assert (ended.by, ended.ended_at) == (radiologist, after)
    assert (held.by, held.ended_at) == (second_radiologist, None)


def test_a_renewed_claim_does_not_expire(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    given_to(radiologist, now)
    claims.renew(case=case, by=radiologist, now=now + timedelta(minutes=9))
    assert claims.claim_next(by=second_radiologist, now=now + timedelta(minutes=18)) is None


def test_a_claim_lost_to_another_reader_cannot_be_renewed(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    given_to(radiologist, now)
    later = now + settings.CLAIM_LEASE
    given_to(second_radiologist, later)
    with pytest.raises(ClaimExpired, match="Claim the case again, or the next one"):
        claims.renew(case=case, by=radiologist, now=later)


def test_a_released_case_is_served_to_others_first_and_to_its_reader_last(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    stat, routine = admit(1, priority=Priority.STAT), admit(2)
    given_to(radiologist, now)
    claims.release(case=stat, by=radiologist, now=now + timedelta(minutes=1))
    assert given_to(radiologist, now + timedelta(minutes=1)) == routine
    assert given_to(second_radiologist, now + timedelta(minutes=1)) == stat
    actions = Counter(AuditEvent.objects.values_list("action", flat=True))
    assert actions == {Action.CASE_CLAIMED: 3, Action.CASE_RELEASED: 1}


def test_only_the_claiming_reader_can_release_a_case(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    given_to(radiologist, now)
    claims.release(case=case, by=second_radiologist, now=now)
    held = claim_selectors.active_claim(case, now)
    assert held is not None
    assert held.by == radiologist


def test_claiming_a_case_that_another_reads_is_refused_and_names_the_reader(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    claims.claim(case=case, by=radiologist, now=now)
    with pytest.raises(ClaimedByAnother, match="radiologist is reading this case until 09:40"):
        claims.claim(case=case, by=second_radiologist, now=now)


def test_a_reader_cannot_claim_a_case_again_after_signing(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    readings.sign_reading(case=case, by=radiologist, finding="normal", now=now)
    with pytest.raises(AlreadySigned):
        claims.claim(case=case, by=radiologist, now=now)


def test_a_case_with_a_failed_classification_is_served(
    radiologist: User, admit: Admit, classify: Classify, now: datetime
) -> None:
    case = admit(1)
    classify(case, JobStatus.FAILED)
    assert given_to(radiologist, now) == case


def test_a_reader_of_another_site_is_served_nothing_and_cannot_claim(
    stranger: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    assert claims.claim_next(by=stranger, now=now) is None
    with pytest.raises(NotAllowed, match="site where you do not work"):
        claims.claim(case=case, by=stranger, now=now)


@pytest.mark.parametrize("role", ["technician", "administrator"])
def test_only_radiologists_claim_cases(
    role: str, admit: Admit, now: datetime, request: pytest.FixtureRequest
) -> None:
    admit(1)
    with pytest.raises(NotAllowed, match="read radiographs and sign readings"):
        claims.claim_next(by=request.getfixturevalue(role), now=now)


def test_the_database_refuses_a_second_open_claim(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    given_to(radiologist, now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.create(case=case, by=second_radiologist, since=now, until=now)


class Race:
    """Readers in threads of their own who press Next at the same moments."""

    def __init__(self, readers: list[User], now: datetime) -> None:
        self.readers, self.now = readers, now
        self.start = Barrier(len(readers))

    def run(self, act: Callable[[User], list[object]]) -> list[object]:
        with ThreadPoolExecutor(len(self.readers)) as pool:
            return [
                got for some in pool.map(lambda reader: self._one(reader, act), self.readers) for got in some
            ]

    def _one(self, reader: User, act: Callable[[User], list[object]]) -> list[object]:
        try:
            self.start.wait()
            return act(reader)
        finally:
            connection.close()


@pytest.fixture
def readers(site: Site) -> list[User]:
    users = [User.objects.create_user(f"reader-{n}", role="radiologist") for n in range(4)]
    for user in users:
        user.sites.set([site])
    return users


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_concurrent_readers_of_forty_cases_never_claim_the_same_one(
    readers: list[User], admit: Admit, now: datetime
) -> None:
    for number in range(40):
        admit(number, priority=Priority.STAT if number % 5 == 0 else Priority.ROUTINE)

    def read_all(reader: User) -> list[object]:
        read: list[object] = []
        while claim := claims.claim_next(by=reader, now=now):
            read.append(claim.case_id)
            readings.sign_reading(case=claim.case, by=reader, finding="normal", now=now)
        return read

    read = Race(readers, now).run(read_all)
    assert sorted(map(str, read)) == sorted(str(pk) for pk in Case.objects.values_list("pk", flat=True))
    assert not Claim.objects.filter(ended_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_concurrent_requests_of_one_reader_claim_one_case(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    for number in range(4):
        admit(number)

    def click(reader: User) -> list[object]:
        claim = claims.claim_next(by=reader, now=now)
        return [claim.case_id] if claim else []

    got = Race([radiologist] * 4, now).run(click)
    assert len(got) == 4
    assert len(set(got)) == 1
    assert Claim.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_claims_on_one_case_one_succeeds(
    readers: list[User], admit: Admit, now: datetime
) -> None:
    case = admit(1)

    def choose(reader: User) -> list[object]:
        try:
            return [claims.claim(case=case, by=reader, now=now).by_id]
        except ClaimedByAnother:
            return []

    assert len(Race(readers, now).run(choose)) == 1
