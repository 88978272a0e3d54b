"""Control cases: when reference and repeat cases are added to a worklist, and for whom."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from diagnostics.accounts.models import Site, User
from diagnostics.cases import storage
from diagnostics.cases.models import Case
from diagnostics.cases.services.blinding import record_prediction_shown
from diagnostics.review.models import (
    Consensus,
    ConsensusStatus,
    ControlCase,
    ControlPurpose,
    ReadingPolicy,
)
from diagnostics.review.services import claims, control_cases
from tests.review.conftest import Admit, Classify
from tests.review.control_cases import (
    MONTH,
    NEITHER,
    REFERENCE,
    REPEAT,
    FixedDraw,
    add_control,
    sign,
    write_files,
)

pytestmark = pytest.mark.usefixtures("media_root")


def test_a_reference_case_that_a_reader_has_read_or_seen_is_not_added(
    control_policy: ReadingPolicy,
    reference_case: Case,
    second_radiologist: User,
    third_radiologist: User,
    radiologist: User,
    admit: Admit,
    classify: Classify,
    now: datetime,
) -> None:
    record_prediction_shown(third_radiologist, [classify(reference_case)], now)
    for number, reader in enumerate((second_radiologist, third_radiologist), start=1):
        assert (
            control_cases.add_after_reading(sign(admit(number), reader, "normal", now), now, REFERENCE)
            is None
        )
    assert add_control(admit(3), radiologist, now).copy_of == reference_case
    # A reference case is added once per reader, whether it is read or not.
    assert control_cases.add_after_reading(sign(admit(4), radiologist, "normal", now), now, REFERENCE) is None


def test_shares_are_kept_and_nothing_is_added_without_a_policy(
    site: Site, reference_case: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    reading = sign(admit(1), radiologist, "normal", now)
    assert control_cases.add_after_reading(reading, now, REFERENCE) is None
    ReadingPolicy.objects.create(site=site, reference_percent=10, repeat_percent=5)
    for share in (0.10, 0.149, 0.15, 0.9):  # a repeat or nothing; there is nothing to repeat
        assert control_cases.add_after_reading(reading, now, FixedDraw(share)) is None
    assert control_cases.add_after_reading(reading, now, FixedDraw(0.099)) is not None


def test_a_reading_of_a_control_case_adds_no_control_case(
    control_policy: ReadingPolicy, reference_case: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    control = add_control(admit(1), radiologist, now)
    sign(admit(2), radiologist, "normal", now - MONTH)  # a case to repeat
    assert control_cases.add_after_reading(sign(control, radiologist, "normal", now), now, REPEAT) is None


def test_a_radiograph_is_repeated_once_and_after_four_weeks(
    control_policy: ReadingPolicy, radiologist: User, admit: Admit, now: datetime
) -> None:
    early, late = admit(1), admit(2)
    for case, days in ((early, 29), (late, 27)):
        write_files(case)
        sign(case, radiologist, "pneumonia", now - timedelta(days=days))
    control = add_control(admit(3), radiologist, now, REPEAT)
    assert control.copy_of == early
    assert ControlCase.objects.get(case=control).purpose == ControlPurpose.REPEAT
    claims.claim(case=control, by=radiologist, now=now)
    assert control_cases.add_after_reading(sign(admit(4), radiologist, "normal", now), now, REPEAT) is None


def test_signing_adds_control_cases_and_never_fails_because_of_them(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    site: Site,
    reference_case: Case,
    radiologist: User,
    admit: Admit,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ReadingPolicy.objects.create(site=site, reference_percent=50)
    monkeypatch.setattr(control_cases.add_after_reading, "__defaults__", (REFERENCE,))
    names = storage.radiograph_files(reference_case.radiograph.pk)
    grey = storage.path(names.grey)
    content = grey.read_bytes()
    grey.unlink()
    with django_capture_on_commit_callbacks(execute=True):
        sign(admit(1), radiologist, "normal", now)
    assert Case.objects.filter(copy_of__isnull=False).count() == 0
    assert len(list(storage.path("radiographs").rglob("*.png"))) == 1  # the failed attempt leaves no files
    grey.write_bytes(content)
    with django_capture_on_commit_callbacks(execute=True):
        sign(admit(2), radiologist, "normal", now)
    assert Case.objects.get(copy_of=reference_case).shown_only_to == radiologist


def test_a_double_read_control_case_becomes_final_after_the_usual_delay(
    control_policy: ReadingPolicy, reference_case: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    control = add_control(admit(1), radiologist, now)
    ReadingPolicy.objects.update(double_read_percent=100)
    sign(control, radiologist, "covid-19", now)
    assert Consensus.objects.get(case=control).status == ConsensusStatus.SECOND_READ
    soon, later = now + timedelta(minutes=239), now + timedelta(minutes=241)
    for at, standing in ((soon, ConsensusStatus.SECOND_READ), (later, ConsensusStatus.FINAL)):
        control_cases.add_after_reading(sign(admit(at.minute), radiologist, "normal", at), at, NEITHER)
        assert Consensus.objects.get(case=control).status == standing
    control.refresh_from_db()
    assert control.finalized_at is not None


def test_a_withdrawn_control_case_does_not_return_to_the_worklist(
    control_policy: ReadingPolicy, reference_case: Case, radiologist: User, admit: Admit, now: datetime
) -> None:
    control = add_control(admit(1), radiologist, now)
    ReadingPolicy.objects.update(double_read_percent=100)
    sign(control, radiologist, "covid-19", now)
    Case.objects.filter(pk=control.pk).update(withdrawn_at=now, on_worklist=False)

    later = now + timedelta(minutes=241)
    control_cases.add_after_reading(sign(admit(2), radiologist, "normal", later), later, NEITHER)

    control.refresh_from_db()
    assert (control.on_worklist, control.finalized_at) == (False, None)
    assert Consensus.objects.get(case=control).status == ConsensusStatus.SECOND_READ
