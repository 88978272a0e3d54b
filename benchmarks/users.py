"""Fifty users at once who look at pages: the median and the 95th percentile of each page.

python -m benchmarks.users DATA [--users 50] [--seconds 60] [--cases 200] [--stack embedded]

Each user opens a page, waits one to three seconds as a reader does, and opens the next. Server and users
share the host, so its processors serve both.
"""

from __future__ import annotations

import argparse
import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.throughput import choose_files, send, settle
from tests.http_client import HttpClient
from tests.stack import Stack, readroom_stack
from webapp.processes import INFERENCE, SCHEDULER, WEB

PAUSE: Final = (1.0, 3.0)  # seconds
STAFF: Final = ("radiologist", "technician", "admin")
PAGES: Final = (
    "/",
    "/cases/",
    "/cases/?status=all",
    "/cases/{case}/",
    "/cases/{case}/radiograph.png",
    "/cases/rows/",
)


def main() -> None:
    """Fill a stack with real radiographs, let the users work, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the public collections")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--stack", choices=("embedded", "production"), default="embedded")
    arguments = parser.parse_args()
    with readroom_stack(arguments.stack, processes=(WEB, INFERENCE, SCHEDULER)) as stack:
        cases = [
            send(stack, path).case for path in choose_files(arguments.data, arguments.cases, "radiography")
        ]
        settle(stack)
        seconds = _work(stack, cases, arguments.users, arguments.seconds)
    print(f"{arguments.users} users, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| page | requests | median | 95th percentile |\n| --- | --- | --- | --- |")
    everything = [each for taken in seconds.values() for each in taken]
    for page, taken in [*seconds.items(), ("all", everything)]:
        middle, high = np.percentile(taken, [50, 95]) * 1000
        print(f"| {page} | {len(taken)} | {middle:.0f} ms | {high:.0f} ms |")


def _work(stack: Stack, cases: Sequence[str], users: int, seconds: float) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = defaultdict(list)
    clients = [stack.session(STAFF[number % len(STAFF)]) for number in range(users)]
    end = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_use, args=(client, cases, random.Random(number), end, taken))
        for number, client in enumerate(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(sorted(taken.items()))


def _use(
    client: HttpClient, cases: Sequence[str], choice: random.Random, end: float, taken: dict[str, list[float]]
) -> None:
    time.sleep(choice.uniform(0, PAUSE[1]))
    while time.monotonic() < end:
        page = choice.choice(PAGES)
        started = time.perf_counter()
        answer = client.get(page.format(case=choice.choice(cases)))
        taken[page].append(time.perf_counter() - started)  # appending is atomic
        assert answer.status == 200, (page, answer.status)
        time.sleep(choice.uniform(*PAUSE))


if __name__ == "__main__":
    main()
