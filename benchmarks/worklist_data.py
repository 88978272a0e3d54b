"""Synthetic cases for the worklist benchmark; Django must be set up before the import."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

from diagnostics.accounts.models import Site, User
from diagnostics.cases.deadlines import due_at
from diagnostics.cases.models import PRIORITY_RANK, Case, Prediction, Priority, Radiograph
from diagnostics.jobs.models import JobStatus

BATCH: Final = 5000
PRIORITIES: Final = (Priority.STAT, Priority.URGENT, *[Priority.ROUTINE] * 18)


def fill(count: int) -> User:
    """Create cases with radiographs and predictions, and return a radiologist who may read them."""
    now = timezone.now()
    site = Site.objects.filter(is_default=True).first() or Site.objects.create(name="North", is_default=True)
    reader = User.objects.create_user("reader", role="radiologist")
    reader.sites.set([site])
    cases = Case.objects.bulk_create(
        [_case(number, site, reader, now) for number in range(count)], batch_size=BATCH
    )
    Radiograph.objects.bulk_create(
        [_radiograph(number, case) for number, case in enumerate(cases)], batch_size=BATCH
    )
    Prediction.objects.bulk_create(
        [
            Prediction(case=case, status=JobStatus.DONE, queued_at=case.opened_at, finding="normal")
            for case in cases
        ],
        batch_size=BATCH,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return reader


def _case(number: int, site: Site, reader: User, now: datetime) -> Case:
    priority = PRIORITIES[number % len(PRIORITIES)]
    opened_at = now - timedelta(seconds=20 * number)
    return Case(
        site=site,
        patient_ref=f"P-{number}",
        accession_number=f"ACC-{number}",
        priority=priority,
        priority_rank=PRIORITY_RANK[priority],
        opened_by=reader,
        opened_at=opened_at,
        due_at=due_at(site, priority, opened_at),
    )


def _radiograph(number: int, case: Case) -> Radiograph:
    return Radiograph(
        case=case, site=case.site, original="a", display="b", file_sha256=f"{number:064d}",
        pixel_sha256=f"{number:064d}", width=256, height=256, bits=8, source_format="PNG", view="PA",
    )  # fmt: skip
