"""Concurrent transactions and sealings never fork the chain; `test_on_postgresql.py` repeats this there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from django.db import connection, transaction

from diagnostics.audit.models import Action, AuditEvent
from diagnostics.audit.selectors.verification import verify
from diagnostics.audit.services import record, sealing

WRITERS, TRANSACTIONS, SEALERS = 4, 12, 2


class _RolledBack(Exception):
    """Ends a transaction without its events."""


def in_threads(*works: Callable[[], None]) -> None:
    """Run functions at the same moment, each with its own connection; raise the first error."""

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        for finished in [pool.submit(run, work) for work in works]:
            finished.result()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_concurrent_transactions_and_sealings_give_one_chain_without_gaps(now: datetime):
    writing = threading.Semaphore(0)

    def write() -> None:
        for number in range(TRANSACTIONS):
            try:
                with transaction.atomic():
                    record(action=Action.LOGIN_FAILED, by=None, detail={"number": number}, now=now)
                    record(action=Action.LOGIN_FAILED, by=None, now=now)
                    if number % 3 == 0:
                        raise _RolledBack
            except _RolledBack:
                pass
        writing.release()

    def seal() -> None:
        while not writing.acquire(blocking=False):
            sealing.seal()
        writing.release()

    in_threads(*[write] * WRITERS, *[seal] * SEALERS)
    sealing.seal()

    committed = WRITERS * 2 * (TRANSACTIONS - TRANSACTIONS // 3)
    positions = AuditEvent.objects.order_by("position").values_list("position", flat=True)
    assert list(positions) == list(range(1, committed + 1))
    assert verify(now=now).problems == ()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one open write transaction at a time")
@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_after_later_ones_were_sealed_is_sealed_next(now: datetime):
    recorded, others_sealed = threading.Event(), threading.Event()

    def commit_late() -> None:
        with transaction.atomic():
            record(action=Action.LOGGED_OUT, by=None, now=now)
            recorded.set()
            assert others_sealed.wait(30)

    def seal_others() -> None:
        assert recorded.wait(30)
        record(action=Action.LOGGED_IN, by=None, now=now)
        assert sealing.seal() == 1
        others_sealed.set()

    in_threads(commit_late, seal_others)

    assert sealing.seal() == 1
    late, early = AuditEvent.objects.order_by("pk")
    assert (late.action, late.position, early.position) == (Action.LOGGED_OUT, 2, 1)
    assert verify(now=now).problems == ()
