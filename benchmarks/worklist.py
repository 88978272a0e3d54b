"""How long the first page of the worklist takes with few and with many radiographs that wait.

python -m benchmarks.worklist [--cases 1000 100000] [--looks 15] [--database sqlite postgres]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Final

from tests.servers import postgres_server

VIEWS: Final = {
    "first page": "",
    "sorted by accession": "?sort=accession",
    "only urgent": "?priority=urgent",
    "search": "?q=ACC-777",
    "last page": "?page=last",
}
DATABASES: Final = ("sqlite", "postgres")
INSIDE: Final = "READROOM_BENCHMARK_CASES"


def main() -> None:
    """Read the command line and measure each database in a process of its own."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--cases", nargs="*", default=["1000", "100000"])
    words.add_argument("--looks", default="15")
    words.add_argument("--database", nargs="*", choices=DATABASES, default=list(DATABASES))
    wanted = words.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    for name in wanted.database:
        for cases in wanted.cases:
            with _database(name) as environment, tempfile.TemporaryDirectory() as home:
                settings = {"READROOM_HOME": home, INSIDE: cases, "READROOM_BENCHMARK_LOOKS": wanted.looks}
                print(f"{name}, {int(cases):,} radiographs that wait", flush=True)
                subprocess.run(
                    [sys.executable, "-m", "benchmarks.worklist"],
                    env=os.environ | environment | settings | {"DJANGO_SETTINGS_MODULE": "webapp.settings"},
                    check=True,
                )


@contextmanager
def _database(name: str) -> Iterator[dict[str, str]]:
    if name == "sqlite":
        yield {}
        return
    with postgres_server() as url:
        yield {"DATABASE_URL": url, "SECRET_KEY": "for-a-benchmark-" + "x" * 40}


def inside(cases: int, looks: int) -> None:
    """Fill a fresh database and look at the worklist as a radiologist."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    reader = _fill(cases)
    client = Client()
    client.force_login(reader)
    for name, query in VIEWS.items():
        times = []
        for _ in range(looks):
            began = time.perf_counter()
            answer = client.get(f"/review/{query}", headers={"host": "127.0.0.1"})
            times.append(1000 * (time.perf_counter() - began))
            assert answer.status_code == 200, answer.status_code
        print(f"  {name:22} median {median(times):7.1f} ms, slowest {max(times):7.1f} ms", flush=True)


def _fill(cases: int) -> object:
    from datetime import timedelta

    from django.db import connection
    from django.utils import timezone

    from diagnostics.accounts.models import Site, User
    from diagnostics.cases.deadlines import due_at
    from diagnostics.cases.models import PRIORITY_RANK, Case, Prediction, Priority, Radiograph
    from diagnostics.jobs.models import JobStatus

    now = timezone.now()
    site = Site.objects.filter(is_default=True).first() or Site.objects.create(name="North", is_default=True)
    reader = User.objects.create_user("reader", role="radiologist")
    reader.sites.set([site])
    rows = []
    for number in range(cases):
        priority = (Priority.STAT, Priority.URGENT, *[Priority.ROUTINE] * 18)[number % 20]
        opened_at = now - timedelta(seconds=20 * number)
        rows.append(
            Case(
                site=site,
                patient_ref=f"P-{number}",
                accession_number=f"ACC-{number}",
                priority=priority,
                priority_rank=PRIORITY_RANK[priority],
                opened_by=reader,
                opened_at=opened_at,
                due_at=due_at(site, priority, opened_at),
            )
        )
    Case.objects.bulk_create(rows, batch_size=5000)
    radiographs = (
        Radiograph(
            case=case, site=site, original="a", display="b", file_sha256=f"{n:064d}",
            pixel_sha256=f"{n:064d}", width=256, height=256, bits=8, source_format="PNG", view="PA",
        )
        for n, case in enumerate(rows)
    )  # fmt: skip
    Radiograph.objects.bulk_create(radiographs, batch_size=5000)
    answers = (
        Prediction(case=case, status=JobStatus.DONE, queued_at=case.opened_at, finding="normal")
        for case in rows
    )
    Prediction.objects.bulk_create(answers, batch_size=5000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return reader


if __name__ == "__main__":
    if INSIDE in os.environ:
        inside(int(os.environ[INSIDE]), int(os.environ["READROOM_BENCHMARK_LOOKS"]))
    else:
        main()
