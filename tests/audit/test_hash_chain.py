"""The hash chain finds every manipulation that an owner of the database can make without the triggers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from diagnostics.accounts.models import User
from diagnostics.audit import anchor, chain, periodic
from diagnostics.audit.models import Action, AuditEvent
from diagnostics.audit.selectors.verification import verify
from diagnostics.audit.services import record, sealing
from tests.append_only import triggers_suspended

Problems = Callable[[], tuple[str, ...]]


@pytest.fixture
def sealed(technician: User, now: datetime) -> list[AuditEvent]:
    """Return five sealed events, at positions 1 to 5."""
    for number in range(5):
        record(action=Action.RUN_STARTED, by=technician, detail={"number": number}, now=now)
    sealing.seal()
    return list(AuditEvent.objects.order_by("pk"))


@pytest.fixture
def problems(now: datetime) -> Problems:
    return lambda: verify(now=now).problems


def test_the_hash_of_an_event_is_that_of_sha256sum():
    event = AuditEvent(
        pk=7,
        position=1,
        at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
        action=Action.RUN_STARTED,
        target_kind="trainingrun",
        target_id="T-1",
        detail={"number": 14, "a": [1, "é"]},
    )

    assert (
        chain.hash_of(event, previous="0" * 64)
        == "16e81e3a1f718d050a21732f0b86f260f4fc36caac7590397817da5bb2fc8dff"
    )


def test_sealed_events_form_a_chain_that_anyone_can_recompute(sealed: list[AuditEvent], problems: Problems):
    previous = "0" * 64
    for position, event in enumerate(sealed, 1):
        text = json.dumps(chain.content(event), sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()
        assert (event.position, event.hash) == (position, previous)
    assert problems() == ()
    assert anchor.read() == anchor.Anchor(5, previous)


def test_the_chain_continues_where_it_ended(sealed: list[AuditEvent], problems: Problems, now: datetime):
    record(action=Action.LOGGED_IN, by=None, now=now)

    assert verify(now=now).unsealed == 1
    assert (sealing.seal(), sealing.seal()) == (1, 0)
    assert [event.position for event in AuditEvent.objects.order_by("pk")] == [1, 2, 3, 4, 5, 6]
    assert problems() == ()


def test_more_events_than_one_batch_are_sealed_in_order(
    technician: User, problems: Problems, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sealing, "BATCH", 2)
    for _ in range(5):
        record(action=Action.LOGGED_IN, by=technician)

    assert sealing.seal() == 5
    assert [event.position for event in AuditEvent.objects.order_by("pk")] == [1, 2, 3, 4, 5]
    assert problems() == ()


def test_the_periodic_task_seals_a_bounded_number_of_batches(
    technician: User, problems: Problems, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sealing, "BATCH", 1)
    for _ in range(periodic.MOST_BATCHES + 1):
        record(action=Action.LOGGED_IN, by=technician)

    periodic.seal()
    assert AuditEvent.objects.filter(position=None).count() == 1
    periodic.seal()

    assert AuditEvent.objects.filter(position=None).count() == 0
    assert problems() == ()


def test_sealing_without_events_writes_no_anchor(db: None):
    assert sealing.seal() == 0
    assert anchor.read() is None


@pytest.mark.parametrize(
    "changed",
    [
        {"action": Action.LOGGED_OUT},
        {"by": None},
        {"at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"detail": {"number": 2000}},
        {"target_kind": "case"},
        {"target_id": "x"},
        {"site": "00000000-0000-0000-0000-000000000009"},
        {"hash": "f" * 64},
    ],
)
def test_an_edited_event_is_named(sealed: list[AuditEvent], problems: Problems, changed: dict[str, object]):
    with triggers_suspended():
        AuditEvent.objects.filter(pk=sealed[2].pk).update(**changed)

    assert problems() == (f"event {sealed[2].pk} at position 3 does not match its hash",)


@pytest.mark.parametrize("index", [0, 2])
def test_a_deleted_event_is_named_by_its_position(sealed: list[AuditEvent], problems: Problems, index: int):
    with triggers_suspended():
        AuditEvent.objects.filter(pk=sealed[index].pk).delete()

    assert problems() == (
        f"position {index + 1} is missing: the next event is {sealed[index + 1].pk} at position {index + 2}",
    )


def test_reordered_events_are_found(sealed: list[AuditEvent], problems: Problems):
    first, second = sealed[1], sealed[2]
    with triggers_suspended():
        for event, position in ((first, 99), (second, 2), (first, 3)):
            AuditEvent.objects.filter(pk=event.pk).update(position=position)

    assert problems() == (f"event {second.pk} at position 2 does not match its hash",)


def test_a_forged_event_in_the_place_of_another_is_found(sealed: list[AuditEvent], problems: Problems):
    with triggers_suspended():
        sealed[2].detail = {"number": 2000}
        sealed[2].hash = chain.hash_of(sealed[2], previous=sealed[1].hash)
        sealed[2].save()

    assert problems() == (f"event {sealed[3].pk} at position 4 does not match its hash",)


@pytest.mark.parametrize("kept", [0, 4])
def test_a_truncated_log_is_found_by_the_anchor(sealed: list[AuditEvent], problems: Problems, kept: int):
    with triggers_suspended():
        AuditEvent.objects.filter(position__gt=kept).delete()

    assert problems() == (
        f"events after position {kept} are missing: the anchor of this home is at position 5",
    )


def test_a_truncated_log_stays_found_after_more_events_were_sealed(
    sealed: list[AuditEvent], problems: Problems, now: datetime
):
    with triggers_suspended():
        AuditEvent.objects.filter(position__gt=3).delete()
    for _ in range(4):
        record(action=Action.LOGGED_IN, by=None, now=now)
    sealing.seal()

    forged = AuditEvent.objects.get(position=5)
    assert problems() == (f"event {forged.pk} at position 5 does not match the anchor of this home",)


def test_a_chain_rewritten_from_the_edited_event_on_is_found_by_the_anchor(
    sealed: list[AuditEvent], problems: Problems
):
    sealed[1].detail, previous = {"number": 2000}, sealed[0].hash
    with triggers_suspended():
        for event in sealed[1:]:
            event.hash = previous = chain.hash_of(event, previous=previous)
            event.save()

    assert problems() == (f"event {sealed[4].pk} at position 5 does not match the anchor of this home",)


def test_a_missing_anchor_is_found(sealed: list[AuditEvent], problems: Problems):
    anchor.path().unlink()

    assert problems() == ("the file audit-anchor.json is missing in this home",)


def test_the_anchor_is_readable_by_its_owner_only(sealed: list[AuditEvent]):
    assert anchor.path().stat().st_mode & 0o777 == 0o600


def test_concurrent_writers_of_the_anchor_leave_one_whole_file():
    def write(position: int) -> None:
        anchor.write(anchor.Anchor(position, "f" * 64))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(1, 201)))

    assert anchor.read() in {anchor.Anchor(position, "f" * 64) for position in range(1, 201)}
    assert [file.name for file in anchor.path().parent.iterdir()] == [anchor.path().name]


def test_an_event_that_stays_unsealed_for_an_hour_is_found(
    sealed: list[AuditEvent], problems: Problems, now: datetime
):
    late = record(action=Action.LOGGED_IN, by=None, now=now - timedelta(hours=1, seconds=1))
    record(action=Action.LOGGED_IN, by=None, now=now - timedelta(minutes=59))

    assert problems() == (f"event {late.pk} of 2026-03-02 08:29 is still unsealed: is the scheduler up?",)


def test_the_command_names_the_first_broken_event_and_exits_with_1(sealed: list[AuditEvent]):
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert f"last good position 5, hash {sealed[4].hash}" in out.getvalue()

    with triggers_suspended():
        AuditEvent.objects.filter(position__in=[2, 4]).update(target_id="x")
    with pytest.raises(CommandError, match=f"damaged: event {sealed[1].pk} at position 2 ") as raised:
        call_command("verify_audit", stdout=out)

    assert raised.value.returncode == 1


def test_recording_an_event_is_one_insert(technician: User, django_assert_num_queries: object):
    with django_assert_num_queries(1) as captured:  # type: ignore[operator]
        record(action=Action.LOGGED_IN, by=technician)

    assert captured[0]["sql"].startswith('INSERT INTO "audit_auditevent"')


def test_sealing_a_batch_needs_the_same_queries_for_2_and_for_20_events(technician: User):
    record(action=Action.LOGGED_IN, by=technician)
    sealing.seal()
    counts = []
    for number in (2, 20):
        for _ in range(number):
            record(action=Action.LOGGED_IN, by=technician)
        before = len(connection.queries_log)
        connection.force_debug_cursor = True
        sealing.seal()
        connection.force_debug_cursor = False
        counts.append(len(connection.queries_log) - before)

    assert counts[0] == counts[1]
