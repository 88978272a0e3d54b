"""Response time of the list of cases with few and with many queued cases.

python -m benchmarks.worklist [--cases 1000 100000] [--requests 15] [--database sqlite postgres]
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

QUERIES: Final = {
    "first page": "",
    "sorted by accession": "?sort=accession",
    "only urgent": "?priority=urgent",
    "search": "?q=ACC-777",
    "last page": "?page=last",
}
DATABASES: Final = ("sqlite", "postgres")
CASES_VARIABLE: Final = "READROOM_BENCHMARK_CASES"  # set in the child process that measures
REQUESTS_VARIABLE: Final = "READROOM_BENCHMARK_REQUESTS"


def main() -> None:
    """Parse the arguments and measure each database in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=["1000", "100000"])
    parser.add_argument("--requests", default="15")
    parser.add_argument("--database", nargs="*", choices=DATABASES, default=list(DATABASES))
    arguments = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    for name in arguments.database:
        for cases in arguments.cases:
            print(f"{name}, {int(cases):,} queued cases", flush=True)
            _measure_in_child(name, cases, arguments.requests)


def measure(cases: int, requests: int) -> None:
    """Fill a new database and request the list of cases as a radiologist."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from benchmarks.worklist_data import fill

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    client = Client()
    client.force_login(fill(cases))
    for name, query in QUERIES.items():
        durations = []
        for _ in range(requests):
            start = time.perf_counter()
            response = client.get(f"/cases/{query}", headers={"host": "127.0.0.1"})
            durations.append(1000 * (time.perf_counter() - start))
            assert response.status_code == 200, response.status_code
        print(f"  {name:22} median {median(durations):7.1f} ms, slowest {max(durations):7.1f} ms", flush=True)


def _measure_in_child(database: str, cases: str, requests: str) -> None:
    with _database(database) as environment, tempfile.TemporaryDirectory() as home:
        settings = {
            "READROOM_HOME": home,
            CASES_VARIABLE: cases,
            REQUESTS_VARIABLE: requests,
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
        }
        subprocess.run(
            [sys.executable, "-m", "benchmarks.worklist"],
            env=os.environ | environment | settings,
            check=True,
        )


@contextmanager
def _database(name: str) -> Iterator[dict[str, str]]:
    if name == "sqlite":
        yield {}
        return
    with postgres_server() as url:
        yield {"DATABASE_URL": url, "SECRET_KEY": "for-a-benchmark-" + "x" * 40}


if __name__ == "__main__":
    if CASES_VARIABLE in os.environ:
        measure(int(os.environ[CASES_VARIABLE]), int(os.environ[REQUESTS_VARIABLE]))
    else:
        main()
