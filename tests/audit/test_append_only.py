"""The database refuses to change or delete audit events; `test_on_postgresql.py` repeats this there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from diagnostics.accounts.models import User
from diagnostics.audit.models import Action, AuditCheckpoint, AuditEvent
from diagnostics.audit.selectors import verification
from diagnostics.audit.services import record, sealing
from tests.append_only import triggers_suspended

EVENTS, CHECKPOINTS = "audit_auditevent", "audit_auditcheckpoint"
ON_SQLITE = connection.vendor == "sqlite"
REPLACE = (
    f"INSERT OR REPLACE INTO {EVENTS} (id, at, action, target_kind, target_id, detail, hash) "
    f"SELECT id, at, 'logged-out', '', '', '{{}}', '' FROM {EVENTS}"
)
TRUNCATE = f"SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE {EVENTS}"


@pytest.fixture
def event(technician: User, now: datetime) -> AuditEvent:
    return record(action=Action.LOGGED_IN, by=technician, detail={"number": 1}, now=now)


def execute(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda events: events.update(action=Action.LOGGED_OUT),
        lambda events: events.update(detail={}),
        lambda events: events.update(by=None),
        lambda events: events.update(at=datetime(2020, 1, 1, tzinfo=UTC)),
        lambda events: events.update(target_id="x"),
        lambda events: events.update(position=9, hash="x", action=Action.LOGGED_OUT),
        lambda events: events.delete(),
        lambda events: execute(f"UPDATE {EVENTS} SET id = id + 1000"),
        lambda events: execute(f"DELETE FROM {EVENTS}"),
        lambda events: execute(REPLACE if ON_SQLITE else TRUNCATE),
    ],
)
def test_no_statement_changes_or_deletes_an_event(
    event: AuditEvent, sealed: bool, change: Callable[[object], object]
):
    if sealed:
        sealing.seal()
    before = list(AuditEvent.objects.values())

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        change(AuditEvent.objects.all())

    assert list(AuditEvent.objects.values()) == before


def test_sealing_happens_once(event: AuditEvent):
    sealing.seal()

    for changed in ({"position": 2}, {"position": None}, {"hash": "0" * 64}):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            AuditEvent.objects.update(**changed)


def test_two_events_never_share_a_position(event: AuditEvent, technician: User):
    record(action=Action.LOGGED_OUT, by=technician)

    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent.objects.update(position=1)


def test_no_statement_changes_or_deletes_a_checkpoint(event: AuditEvent, technician: User, now: datetime):
    AuditCheckpoint.objects.create(position=0, hash="", events=0, at=now, by=technician, reason="none")

    for change in (
        lambda: AuditCheckpoint.objects.update(position=10),
        lambda: AuditCheckpoint.objects.all().delete(),
        lambda: execute(f"DELETE FROM {CHECKPOINTS}"),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()


def test_a_checkpoint_permits_the_deletion_of_sealed_events_up_to_its_position_only(
    event: AuditEvent, technician: User, now: datetime
):
    later = record(action=Action.LOGGED_OUT, by=technician)
    sealing.seal()
    unsealed = record(action=Action.LOGGED_IN, by=technician)
    AuditCheckpoint.objects.create(position=1, hash="", events=1, at=now, by=technician, reason="age")

    for kept in (later, unsealed):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            AuditEvent.objects.filter(pk=kept.pk).delete()
    AuditEvent.objects.filter(pk=event.pk).delete()

    assert set(AuditEvent.objects.all()) == {later, unsealed}


def test_a_missing_trigger_is_reported(event: AuditEvent, now: datetime):
    sealing.seal()
    assert verification.verify(now=now).problems == ()

    with triggers_suspended():
        problems = verification.verify(now=now).problems

    assert len(problems) == 6
    assert "the trigger audit_event_no_delete is missing or switched off" in problems
