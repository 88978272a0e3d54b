"""Server time of pages and API lists with few and with many cases, as a ratio.

python -m benchmarks.scale [--cases 1000 1000000] [--requests 15] [--database sqlite postgres]
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
HEADERS: Final = {"host": "127.0.0.1"}


def main() -> None:
    """Parse the arguments, measure each database in processes of its own, and print ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs=2, default=["1000", "1000000"])
    parser.add_argument("--requests", default="15")
    parser.add_argument("--database", nargs="*", choices=DATABASES, default=list(DATABASES))
    arguments = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    few, many = arguments.cases
    for name in arguments.database:
        measured = [_measured_in_child(name, cases, arguments.requests) for cases in (few, many)]
        print(f"{name}: median ms at {int(few):,} and at {int(many):,} cases, and their ratio")
        for page in measured[0]:
            first, last = (each[page] for each in measured)
            print(f"  {page:28} {first:8.1f} {last:8.1f} {last / first:6.2f}", flush=True)


def pages(reader: Client, administrator: Client, case: str) -> dict[str, Callable[[], Any]]:
    """Return the requests to measure."""

    def get(client: Client, address: str) -> Callable[[], Any]:
        return lambda: client.get(address, headers=HEADERS)

    def search(text: str) -> Callable[[], Any]:
        return lambda: reader.post("/cases/", {"text": text}, headers=HEADERS)

    return {
        "worklist": get(reader, "/cases/"),
        "worklist, live rows": get(reader, "/cases/rows/"),
        "worklist, urgent": get(reader, "/cases/?priority=urgent"),
        "worklist, by accession": get(reader, "/cases/?sort=accession"),
        "worklist, last page": get(reader, "/cases/?page=last"),
        "all cases": get(reader, "/cases/?status=all"),
        "final cases": get(reader, "/cases/?status=final"),
        "failed cases": get(reader, "/cases/?status=failed"),
        "search: one accession number": search("ACC-777"),
        "search: a patient reference": search("P-300"),
        "search: a name": search("FAMILY9 Given9"),
        "search: many results": search("ACC-1"),
        "case page": get(reader, f"/cases/{case}/"),
        "reading page": get(reader, f"/review/{case}/"),
        "reader quality": get(administrator, "/review/readers/"),
        "audit log": get(administrator, "/audit/"),
        "home of an administrator": get(administrator, "/"),
        "API: cases": get(administrator, "/api/v1/cases/"),
        "API: failed cases": get(administrator, "/api/v1/cases/?status=failed"),
        "model versions": get(administrator, "/models/"),
        "training": get(administrator, "/training/"),
    }


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
    case = str(Case.objects.filter(finalized_at=None, on_worklist=True)[0].pk)
    return {name: _median(name, request, requests) for name, request in pages(*clients, case).items()}


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
