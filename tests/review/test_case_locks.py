"""Requests at the same moment lock the cases they change; tests/audit/test_on_postgresql.py repeats this."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case
from diagnostics.review.models import Assignment, Consensus, ConsensusStatus, Reading
from diagnostics.review.services import assignments, control_cases
from diagnostics.review.services.locks import lock_case
from tests.audit.test_concurrent_sealing import in_threads
from tests.review.control_cases import NEITHER

ROUNDS = 10


def add_case(site: Site, by: User, now: datetime, original: Case | None = None) -> Case:
    return Case.objects.create(
        site=site,
        patient_ref="MRN-1",
        opened_by=by,
        opened_at=now,
        copy_of=original,
        shown_only_to=by if original else None,
    )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_concurrent_assignments_of_the_same_cases_leave_one_of_each(
    site: Site, radiologist: User, administrator: User, now: datetime
) -> None:
    cases = [add_case(site, administrator, now) for _number in range(5)]
    together = threading.Barrier(2)

    def assign(chosen: list[Case]) -> None:
        for _round in range(ROUNDS):
            together.wait(timeout=10)
            assignments.assign(cases=chosen, to=radiologist, by=administrator, now=now)

    in_threads(lambda: assign(cases), lambda: assign(cases[::-1]))

    assert set(Assignment.objects.values_list("case", flat=True)) == {case.pk for case in cases}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_control_case_that_another_request_has_locked_is_not_made_final(
    site: Site, radiologist: User, now: datetime
) -> None:
    original = add_case(site, radiologist, now)
    control = add_case(site, radiologist, now, original)
    Reading.objects.create(case=control, by=radiologist, finding="normal", signed_at=now)
    Consensus.objects.create(case=control, readers_needed=2, status=ConsensusStatus.SECOND_READ)
    later = now + timedelta(days=1)
    signed = Reading.objects.create(case=original, by=radiologist, finding="normal", signed_at=later)

    def finalize() -> None:
        control_cases.add_after_reading(signed, later, NEITHER)

    def finalize_without_waiting() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '3s'")
        finalize()

    if connection.vendor == "postgresql":  # SQLite has one writer at a time
        with transaction.atomic():
            lock_case(control)
            in_threads(finalize_without_waiting)
        assert Consensus.objects.get(case=control).status == ConsensusStatus.SECOND_READ
    finalize()
    assert Consensus.objects.get(case=control).status == ConsensusStatus.FINAL
