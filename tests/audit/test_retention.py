"""Retention removes expired events from the beginning of the chain, and the rest still verifies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from diagnostics.accounts.models import User
from diagnostics.audit.errors import BrokenChain
from diagnostics.audit.models import Action, AuditCheckpoint, AuditEvent
from diagnostics.audit.selectors.verification import verify
from diagnostics.audit.services import record, retention, sealing
from tests.append_only import triggers_suspended

REASON = "Retention of the hospital, 10 years"


@pytest.fixture
def aged(administrator: User, now: datetime) -> list[AuditEvent]:
    """Return sealed events 11, 11, 9, 11 and 0 years old, in this order."""
    for years in (11, 11, 9, 11, 0):
        record(action=Action.LOGGED_IN, by=administrator, now=now.replace(year=now.year - years))
    sealing.seal()
    return list(AuditEvent.objects.order_by("pk"))


def test_only_the_expired_beginning_of_the_chain_is_removed(
    aged: list[AuditEvent], administrator: User, now: datetime
):
    checkpoint = retention.prune(by=administrator, reason=REASON, now=now)

    assert checkpoint is not None
    assert (checkpoint.position, checkpoint.events, checkpoint.hash) == (2, 2, aged[1].hash)
    pruned = AuditEvent.objects.get(action=Action.AUDIT_PRUNED)
    assert set(AuditEvent.objects.all()) == {*aged[2:], pruned}
    assert (pruned.by, pruned.detail["events"], pruned.detail["reason"]) == (administrator, 2, REASON)
    assert verify(now=now).problems == ()


def test_the_chain_continues_after_the_checkpoint(aged: list[AuditEvent], administrator: User, now: datetime):
    retention.prune(by=administrator, reason=REASON, now=now)
    sealing.seal()

    assert AuditEvent.objects.get(action=Action.AUDIT_PRUNED).position == 6
    report = verify(now=now)
    assert (report.events, report.end.position, report.problems) == (4, 6, ())


def test_a_log_of_which_every_event_expired_continues_too(administrator: User, now: datetime):
    record(action=Action.LOGGED_IN, by=administrator, now=now - timedelta(days=4000))
    sealing.seal()
    retention.prune(by=administrator, reason=REASON, now=now)
    assert verify(now=now).problems == ()

    sealing.seal()

    assert [event.position for event in AuditEvent.objects.all()] == [2]
    assert verify(now=now).problems == ()


def test_the_retention_is_a_setting(
    aged: list[AuditEvent], administrator: User, now: datetime, settings: Settings
):
    settings.AUDIT_RETENTION_YEARS = 12
    assert retention.prune(by=administrator, reason=REASON, now=now) is None
    settings.AUDIT_RETENTION_YEARS = 8
    checkpoint = retention.prune(by=administrator, reason=REASON, now=now)

    assert checkpoint is not None
    assert checkpoint.position == 4
    assert retention.prune(by=administrator, reason=REASON, now=now) is None


def test_unsealed_events_are_never_removed(administrator: User, now: datetime):
    record(action=Action.LOGGED_IN, by=administrator, now=datetime(1990, 1, 1, tzinfo=UTC))

    with pytest.raises(BrokenChain, match="unsealed"):
        retention.prune(by=administrator, reason=REASON, now=now)


def test_a_damaged_log_is_not_pruned(aged: list[AuditEvent], administrator: User, now: datetime):
    with triggers_suspended():
        AuditEvent.objects.filter(pk=aged[0].pk).update(target_id="x")

    with pytest.raises(BrokenChain, match=f"event {aged[0].pk} at position 1 does not match"):
        retention.prune(by=administrator, reason=REASON, now=now)
    assert AuditEvent.objects.count() == 5


def test_a_forged_checkpoint_without_the_event_of_a_pruning_is_found(
    aged: list[AuditEvent], administrator: User, now: datetime
):
    AuditCheckpoint.objects.create(
        position=4, hash=aged[3].hash, events=4, at=now, by=administrator, reason="x"
    )
    AuditEvent.objects.filter(position__lte=4).delete()

    assert verify(now=now).problems == ("the checkpoint at position 4 has no event of its pruning",)


def test_a_checkpoint_with_another_hash_is_found(aged: list[AuditEvent], administrator: User, now: datetime):
    retention.prune(by=administrator, reason=REASON, now=now)
    with triggers_suspended():
        AuditCheckpoint.objects.update(hash="f" * 64)

    assert f"event {aged[2].pk} at position 3 does not match its hash" in verify(now=now).problems


def test_the_command_needs_an_administrator_and_has_a_preview(
    aged: list[AuditEvent], administrator: User, radiologist: User
):
    def prune(by: str, *flags: str) -> str:
        out = StringIO()
        call_command("prune_audit", *flags, by=by, reason=REASON, stdout=out)
        return out.getvalue().strip()

    assert prune("administrator", "--dry-run") == "2 events have expired, up to position 2"
    for unknown in ("radiologist", "no one"):
        with pytest.raises(CommandError, match="not an administrator"):
            prune(unknown)
    assert AuditEvent.objects.count() == 5
    assert prune("administrator") == "2 events removed"
    assert prune("administrator") == "0 events removed"
