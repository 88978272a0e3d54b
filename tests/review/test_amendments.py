"""Amendments: they supersede a reading, which stays as it was signed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.cases.models import Case
from diagnostics.errors import NotAllowed
from diagnostics.review.errors import (
    AlreadySuperseded,
    ReasonRequired,
)
from diagnostics.review.models import Reading
from diagnostics.review.selectors import readings as readings_selectors
from diagnostics.review.services import readings
from tests.review.conftest import Admit


def signed(case: Case, by: User, now: datetime, finding: str = "normal") -> Reading:
    return readings.sign_reading(case=case, by=by, finding=finding, now=now)


def amended(reading: Reading, by: User, now: datetime, finding: str = "pneumonia") -> Reading:
    return readings.amend_reading(
        reading=reading,
        by=by,
        finding=finding,
        confidence="fairly",
        note="",
        reason="Looked at the prior radiograph.",
        now=now,
    )


def test_an_amendment_supersedes_the_first_reading_and_leaves_it_unchanged(
    radiologist: User, admit: Admit, now: datetime
) -> None:
    case = admit(1)
    first = signed(case, radiologist, now)
    before = Reading.objects.values().get(pk=first.pk)
    second = amended(first, radiologist, now + timedelta(minutes=1))
    assert Reading.objects.values().get(pk=first.pk) == before
    assert (second.supersedes, second.amendment_reason) == (first, "Looked at the prior radiograph.")
    assert readings_selectors.current_reading(case) == second
    assert list(readings_selectors.readings_of(case)) == [second, first]
    assert AuditEvent.objects.filter(action=Action.READING_AMENDED, by=radiologist).count() == 1


def test_a_superseded_reading_cannot_be_amended_again(radiologist: User, admit: Admit, now: datetime) -> None:
    first = signed(admit(1), radiologist, now)
    second = amended(first, radiologist, now)
    with pytest.raises(AlreadySuperseded, match="amended meanwhile"):
        amended(first, radiologist, now, "other")
    assert amended(second, radiologist, now, "other").finding == "other"


def test_an_amendment_needs_a_reason(radiologist: User, admit: Admit, now: datetime) -> None:
    first = signed(admit(1), radiologist, now)
    with pytest.raises(ReasonRequired):
        readings.amend_reading(
            reading=first, by=radiologist, finding="other", confidence="sure", note="", reason="  ", now=now
        )


def test_a_reader_cannot_amend_the_reading_of_another(
    radiologist: User, second_radiologist: User, admit: Admit, now: datetime
) -> None:
    first = signed(admit(1), radiologist, now)
    with pytest.raises(NotAllowed, match="only by the person who signed it"):
        amended(first, second_radiologist, now)
