"""Which events become deliveries: each once, for endpoints of its site that want it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from diagnostics.accounts.models import Site, User
from diagnostics.accounts.roles import Role
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases.models import Case
from diagnostics.cases.services import admission
from diagnostics.integrations.models import WebhookDelivery
from diagnostics.integrations.services import webhook_events, webhooks
from diagnostics.review.services import claims, readings, undo_signature
from tests.conftest import create_user
from tests.integrations.conftest import OwnEndpoint
from tests.radiographs import radiograph_png

LATER = timedelta(seconds=30)


@pytest.fixture
def case(technician: User, now: datetime, settings: Settings, tmp_path: Path) -> Case:
    settings.MEDIA_ROOT = tmp_path
    return admission.open_case(radiograph=radiograph_png(), patient_ref="P-77", by=technician, now=now).case


def collected(now: datetime) -> list[tuple[str, str]]:
    webhook_events.collect(now=now + LATER)
    return sorted(WebhookDelivery.objects.values_list("event", "subject_id"))


def sign(case: Case, by: User, now: datetime) -> None:
    claims.claim(case=case, by=by, now=now)
    readings.sign_reading(case=case, finding="normal", confidence="sure", by=by, now=now)


def test_a_signed_final_reading_is_two_events_of_its_case(
    endpoint: OwnEndpoint, case: Case, radiologist: User, now: datetime
) -> None:
    sign(case, radiologist, now)

    assert collected(now) == [("case.final", str(case.pk)), ("reading.signed", str(case.pk))]


def test_an_undone_signature_is_no_event(
    endpoint: OwnEndpoint, case: Case, radiologist: User, now: datetime
) -> None:
    sign(case, radiologist, now)
    undo_signature.undo_signature(case=case, by=radiologist, now=now + timedelta(seconds=5))

    assert collected(now) == []


def test_an_event_waits_until_a_signature_can_no_longer_be_undone(
    endpoint: OwnEndpoint, case: Case, radiologist: User, now: datetime
) -> None:
    sign(case, radiologist, now)

    webhook_events.collect(now=now + timedelta(seconds=16))
    assert not WebhookDelivery.objects.exists()
    webhook_events.collect(now=now + timedelta(seconds=21))
    assert WebhookDelivery.objects.count() == 2


def test_a_signature_undone_in_the_last_second_is_no_event(
    endpoint: OwnEndpoint, case: Case, radiologist: User, now: datetime
) -> None:
    sign(case, radiologist, now)
    for second in range(16):
        webhook_events.collect(now=now + timedelta(seconds=second))
    undo_signature.undo_signature(case=case, by=radiologist, now=now + timedelta(seconds=15))

    assert collected(now) == []


def test_a_late_undo_withholds_the_event_of_a_later_collection(
    endpoint: OwnEndpoint, case: Case, radiologist: User, now: datetime
) -> None:
    sign(case, radiologist, now)
    undo_signature.undo_signature(case=case, by=radiologist, now=now + timedelta(seconds=14))

    assert collected(now) == []


def test_collecting_twice_or_from_an_earlier_position_doubles_nothing(
    endpoint: OwnEndpoint, case: Case, radiologist: User, now: datetime
) -> None:
    sign(case, radiologist, now)
    first = collected(now)
    assert collected(now) == first

    webhook_events.WebhookPosition.objects.update(position=0)  # as after a restored backup

    assert collected(now) == first


def test_each_action_of_the_workers_has_its_event(endpoint: OwnEndpoint, case: Case, now: datetime) -> None:
    for action in (Action.PREDICTION_STORED, Action.PREDICTION_STOPPED, Action.PREDICTION_FAILED):
        audit.record(action=action, by=None, target=case, now=now)
    for action in (Action.RUN_FINISHED, Action.RUN_FAILED, Action.VERSION_PROMOTED):
        audit.record(action=action, by=None, now=now)

    assert [event for event, _subject in collected(now)] == [
        *("case.failed", "case.finished", "case.finished"),
        *("run.failed", "run.finished", "version.promoted"),
    ]


def test_an_endpoint_is_told_nothing_of_another_site(
    endpoint: OwnEndpoint, other_site: Site, now: datetime, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    elsewhere = create_user("elsewhere", Role.TECHNICIAN, other_site)
    case = admission.open_case(radiograph=radiograph_png(), patient_ref="P-1", by=elsewhere, now=now).case
    audit.record(action=Action.PREDICTION_STORED, by=None, target=case, now=now)

    assert collected(now) == []


def test_an_endpoint_is_told_only_the_events_that_it_wants(
    endpoint: OwnEndpoint, case: Case, radiologist: User, administrator: User, now: datetime
) -> None:
    webhooks.change_endpoint(
        endpoint=endpoint.row, values={"events": ["case.final"]}, by=administrator, now=now
    )
    sign(case, radiologist, now)

    assert collected(now) == [("case.final", str(case.pk))]


def test_an_inactive_endpoint_is_told_nothing(
    endpoint: OwnEndpoint, case: Case, radiologist: User, administrator: User, now: datetime
) -> None:
    webhooks.change_endpoint(endpoint=endpoint.row, values={"is_active": False}, by=administrator, now=now)
    sign(case, radiologist, now)

    assert collected(now) == []


def test_a_control_case_is_no_event(
    endpoint: OwnEndpoint, case: Case, radiologist: User, now: datetime
) -> None:
    Case.objects.filter(pk=case.pk).update(copy_of=case, shown_only_to=radiologist)
    case.refresh_from_db()
    audit.record(action=Action.PREDICTION_STORED, by=None, target=case, now=now)

    assert collected(now) == []
