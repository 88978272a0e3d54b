"""Server time of pages and API lists with few and with many cases, as a Markdown table.

python -m benchmarks.scale [--cases 1000 1000000] [--requests 15] [--database sqlite postgres] [--pages WORD]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from tests.servers import postgres_server

if TYPE_CHECKING:
    from django.test import Client

DATABASES: Final = ("sqlite", "postgres")
CASES_VARIABLE: Final = "READROOM_BENCHMARK_CASES"  # set in the child process that measures
REQUESTS_VARIABLE: Final = "READROOM_BENCHMARK_REQUESTS"
PAGES_VARIABLE: Final = "READROOM_BENCHMARK_PAGES"
HEADERS: Final = {"host": "127.0.0.1"}


def main() -> None:
    """Parse the arguments, measure each database in processes of its own, and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=["1000", "1000000"])
    parser.add_argument("--requests", default="15")
    parser.add_argument("--database", nargs="*", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--pages", nargs="*", default=[], help="measure only pages with one of these words")
    arguments = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    os.environ[PAGES_VARIABLE] = json.dumps(arguments.pages)
    for name in arguments.database:
        measured = [_measured_in_child(name, cases, arguments.requests) for cases in arguments.cases]
        print("\n".join(_table(name, arguments.cases, measured)), flush=True)


def _table(name: str, cases: list[str], measured: list[dict[str, float]]) -> list[str]:
    """Return a row for each page: the median at each number of cases, and the ratio of last to first."""
    numbers = " | ".join(f"{int(each):,}" for each in cases)
    lines = [f"| {name}, median ms at | {numbers} | ratio |", "| --- |" + " --- |" * (len(cases) + 1)]
    for page, first in measured[0].items():
        times = " | ".join(f"{each[page]:.0f}" for each in measured)
        lines.append(f"| {page} | {times} | {measured[-1][page] / first:.2f} |")
    return lines


LISTS: Final = {
    "worklist": "/cases/",
    "worklist, live rows": "/cases/rows/",
    "worklist, a later page": "/cases/?after={case}",
    "worklist, last page": "/cases/?page=last",
    "worklist, urgent": "/cases/?priority=urgent",
    "worklist, by accession": "/cases/?sort=accession",
    "worklist, by study, newest": "/cases/?sort=-study",
    "worklist, one view": "/cases/?view=AP",
    "worklist, being read": "/cases/?status=reading",
    "worklist, part of an accession": "/cases/?q=C-77",
    "all cases": "/cases/?status=all",
    "all cases, by study": "/cases/?status=all&sort=study",
    "final cases": "/cases/?status=final",
    "failed cases": "/cases/?status=failed",
    "imported cases": "/cases/?status=imported",
    "own cases": "/cases/?status=mine",
    "cases to adjudicate": "/cases/?status=needs-adjudication",
    "case page": "/cases/{case}/",
    "reading page": "/review/{case}/",
    "next cases to prefetch": "/review/{case}/prefetch/",
    "API: worklist": "/api/v1/worklist/",
    "DICOMweb: studies": "/api/v1/dicomweb/studies",
    "DICOMweb: studies of a day": "/api/v1/dicomweb/studies?StudyDate=20261120",
    "DICOMweb: a study by its UID": "/api/v1/dicomweb/studies?StudyInstanceUID=1.2.3",
}
SEARCHES: Final = {
    "search: one accession number": "ACC-777",
    "search: a patient reference": "P-300",
    "search: a name": "FAMILY9 Given9",
    "search: a study date": "2026-11-20",
    "search: a case id": "{case}",
    "search: many results": "ACC-1",
}
OF_ADMINISTRATORS: Final = {
    "reader quality": "/review/readers/",
    "reference cases": "/review/readers/reference-cases/",
    "audit log": "/audit/",
    "audit log, last page": "/audit/?page=last",
    "home of an administrator": "/",
    "API: cases": "/api/v1/cases/",
    "API: cases, a later page": "/api/v1/cases/?cursor={case}",
    "API: cases by priority": "/api/v1/cases/?ordering=priority",
    "API: cases with a result": "/api/v1/cases/?status=done",
    "API: failed cases": "/api/v1/cases/?status=failed",
    "model versions": "/models/",
    "training": "/training/",
}


def pages(reader: Client, administrator: Client, case: str) -> dict[str, Callable[[], Any]]:
    """Return the requests to measure."""

    def get(client: Client, address: str) -> Callable[[], Any]:
        return lambda: client.get(address.format(case=case), headers=HEADERS)

    def search(text: str) -> Callable[[], Any]:
        return lambda: reader.post("/cases/", {"text": text.format(case=case)}, headers=HEADERS)

    return (
        {name: get(reader, address) for name, address in LISTS.items()}
        | {name: search(text) for name, text in SEARCHES.items()}
        | {name: get(administrator, address) for name, address in OF_ADMINISTRATORS.items()}
    )


def measure(cases: int, requests: int) -> dict[str, float]:
    """Fill a new database and request every page; return the median of each in ms."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client
    from django.utils import timezone

    from benchmarks.scale_data import fill
    from diagnostics.cases.models import Case
    from diagnostics.review.services import case_counts

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    clients = []
    for user in fill(cases, now=timezone.now()):
        clients.append(Client())
        clients[-1].force_login(user)
    while case_counts.sum_up():
        pass
    call_command("recount_figures", verbosity=0)  # what the periodic task does after an upgrade
    case = str(Case.objects.filter(finalized_at=None, on_worklist=True)[0].pk)
    words = json.loads(os.environ[PAGES_VARIABLE])
    return {
        name: _median(name, request, requests)
        for name, request in pages(*clients, case).items()
        if not words or any(word in name for word in words)
    }


def _median(name: str, request: Callable[[], Any], requests: int) -> float:
    durations = []
    for _ in range(requests):
        start = time.perf_counter()
        response = request()
        durations.append(1000 * (time.perf_counter() - start))
        assert response.status_code == 200, (name, response.status_code)
    return median(durations)


def _measured_in_child(database: str, cases: str, requests: str) -> dict[str, float]:
    with _database(database) as environment, tempfile.TemporaryDirectory() as home:
        settings = {
            "READROOM_HOME": home,
            CASES_VARIABLE: cases,
            REQUESTS_VARIABLE: requests,
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.scale"],
            env=os.environ | environment | settings,
            check=True,
            stdout=subprocess.PIPE,
        )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


@contextmanager
def _database(name: str) -> Iterator[dict[str, str]]:
    if name == "sqlite":
        yield {}
        return
    with postgres_server() as url:
        yield {"DATABASE_URL": url, "SECRET_KEY": "for-a-benchmark-" + "x" * 40}


if __name__ == "__main__":
    if CASES_VARIABLE in os.environ:
        print(json.dumps(measure(int(os.environ[CASES_VARIABLE]), int(os.environ[REQUESTS_VARIABLE]))))
    else:
        main()
