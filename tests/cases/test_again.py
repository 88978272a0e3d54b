"""Asking the machine again about many films: about those where it can bring something, and no others."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.base import NotAllowed, Status
from diagnostics.cases.again import Asked, ask_again
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.refusals import NoVersionInForce
from diagnostics.registry.models import ModelVersion
from tests.cases.conftest import SendFilm, in_force


@pytest.fixture
def films(send_film: SendFilm, version: ModelVersion, next_version: ModelVersion) -> dict[str, Case]:
    """Give one film of each standing; version 2 is in force."""
    films = {name: send_film(seed) for seed, name in enumerate(("failed", "older", "newest", "busy"))}
    films["failed"].predictions.update(status=Status.FAILED)
    films["older"].predictions.update(status=Status.DONE, version=version)
    films["newest"].predictions.update(status=Status.DONE, version=next_version)
    films["busy"].predictions.update(status=Status.RUNNING)
    return films


def test_failed_films_and_those_of_an_older_version_are_queued_and_the_others_left_out(
    films: dict[str, Case], technician: User, next_version: ModelVersion, now: datetime
) -> None:
    later = now + timedelta(hours=1)

    assert ask_again(cases=films.values(), by=technician, now=later) == Asked(queued=2, left_out=2)

    waiting = Prediction.objects.filter(status=Status.QUEUED)
    assert {each.case for each in waiting} == {films["failed"], films["older"]}
    assert {(each.version, each.queued_at) for each in waiting} == {(next_version, later)}
    events = AuditEvent.objects.filter(action=Action.CASE_RETRIED, by=technician)
    assert {event.target_id for event in events} == {str(each.case_id) for each in waiting}
    assert ask_again(cases=films.values(), by=technician, now=later) == Asked(queued=0, left_out=4)


def test_a_version_that_came_back_is_not_asked_for_what_it_said_before(
    films: dict[str, Case], technician: User, version: ModelVersion, next_version: ModelVersion, now: datetime
) -> None:
    case = films["older"]
    later = now + timedelta(hours=1)
    Prediction.objects.create(case=case, version=next_version, status=Status.DONE, queued_at=later)
    in_force(version, later)

    assert ask_again(cases=[case], by=technician, now=later) == Asked(queued=0, left_out=1)


def test_films_of_another_site_are_neither_queued_nor_counted(
    films: dict[str, Case], stranger: User, now: datetime
) -> None:
    assert ask_again(cases=films.values(), by=stranger, now=now) == Asked(queued=0, left_out=0)
    assert not Prediction.objects.filter(status=Status.QUEUED).exists()


def test_who_has_left_the_hospital_may_not_ask(
    films: dict[str, Case], technician: User, now: datetime
) -> None:
    technician.is_active = False
    with pytest.raises(NotAllowed):
        ask_again(cases=films.values(), by=technician, now=now)


def test_without_a_version_in_force_nothing_is_queued(
    send_film: SendFilm, technician: User, now: datetime
) -> None:
    cases = [send_film(seed) for seed in range(2)]
    Prediction.objects.update(status=Status.FAILED)
    with pytest.raises(NoVersionInForce):
        ask_again(cases=cases, by=technician, now=now)
    assert not Prediction.objects.filter(status=Status.QUEUED).exists()
