"""Concurrent writers and counts lose no figure; `tests/audit/test_on_postgresql.py` repeats this there."""

from __future__ import annotations

import threading
from datetime import datetime
from itertools import count

import pytest
from django.db import transaction

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import Case, Radiograph
from diagnostics.review.models import ChangedCase, Consensus, Reading
from diagnostics.review.services import kept_figures
from diagnostics.training.selectors import label_counts
from tests.audit.test_concurrent_sealing import in_threads
from tests.training import plain_figures as plain

WRITERS, CASES, COUNTERS = 3, 10, 2


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_and_counts_lose_no_figure(site: Site, radiologist: User, now: datetime) -> None:
    numbers, ended = count(1), threading.Barrier(WRITERS)
    all_written = threading.Event()

    def write() -> None:
        for each in range(CASES):
            with transaction.atomic():
                reading = _signed(next(numbers), site, radiologist, now)
            if each % 3 == 0:
                with transaction.atomic():
                    Case.objects.filter(pk=reading.case_id).update(withdrawn_at=now)
        ended.wait()
        all_written.set()

    def recount() -> None:
        while not all_written.is_set():
            kept_figures.recount_changed(most=3)

    in_threads(*[write] * WRITERS, *[recount] * COUNTERS)
    while kept_figures.recount_changed():
        pass

    assert not ChangedCase.objects.exists()
    counts = {each.finding: (each.cases, each.patients) for each in label_counts.class_counts()}
    assert counts == plain.class_counts()
    assert counts["normal"] == (WRITERS * (CASES - 4), 2)


def _signed(number: int, site: Site, by: User, now: datetime) -> Reading:
    case = Case.objects.create(site=site, patient_ref=f"P-{number % 2}", opened_by=by, opened_at=now)
    Radiograph.objects.create(
        case=case, site=site, pixel_sha256=f"{number:064}", width=9, height=9, bits=8, source_format="PNG"
    )
    Consensus.objects.create(case=case, readers_needed=1, status="final", finding="normal")
    return Reading.objects.create(case=case, by=by, finding="normal", signed_at=now)
