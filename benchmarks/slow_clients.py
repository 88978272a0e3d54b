"""Latency of a page while slow clients hold connections open, for several application servers.

python -m benchmarks.slow_clients [--clients 40 400] [--servers shipped gthread-8 granian-256] [--addresses 8]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from urllib.request import urlopen

from tests.servers import free_port, is_listening, wait_until
from tests.slow_clients import BEHAVIOURS, Behaviour, SlowClients, largest_static_file
from tests.template_home import NO_BUNDLE, ROOT, environment_of, prepare
from webapp.processes import web

PAGE = "accounts/login/"
REQUESTS = 20
READERS = 4  # well-behaved clients at a time
TIMEOUT = 5.0  # seconds that a well-behaved client waits


def _gunicorn(threads: int) -> Callable[[int], tuple[str, ...]]:
    return lambda port: (
        *(sys.executable, "-m", "gunicorn", "webapp.wsgi", f"--bind=127.0.0.1:{port}"),
        *("--worker-class=gthread", "--workers=2", f"--threads={threads}", "--no-control-socket"),
    )


def _granian(threads: int) -> Callable[[int], tuple[str, ...]]:
    return lambda port: (
        *(sys.executable, "-m", "granian", "--interface=wsgi", "--host=127.0.0.1", f"--port={port}"),
        *("--workers=2", f"--blocking-threads={threads}", "--http=1", "--no-ws"),
        *("--http1-header-read-timeout=10000", "webapp.wsgi:application"),
    )


def _waitress(port: int) -> tuple[str, ...]:
    options = ("--threads=16", "--connection-limit=1000", "--asyncore-use-poll", f"--listen=127.0.0.1:{port}")
    return (sys.executable, "-m", "waitress", *options, "webapp.wsgi:application")


SERVERS: dict[str, Callable[[int], tuple[str, ...]]] = {
    "shipped": lambda port: web("127.0.0.1", port),
    "gthread-8": _gunicorn(8),
    "gthread-256": _gunicorn(256),
    "granian-8": _granian(8),
    "granian-256": _granian(256),
    "waitress": _waitress,
}


def main() -> None:
    """Print one line for each server, behaviour and number of slow clients."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[0, 40, 400])
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=["shipped"])
    parser.add_argument("--behaviours", nargs="+", choices=BEHAVIOURS, default=list(BEHAVIOURS))
    parser.add_argument("--addresses", type=int, default=1, help="loopback addresses of the slow clients")
    arguments = parser.parse_args()
    print(f"{'server':<12} {'slow clients':<16} {'answered':>9} {'median ms':>10} {'max ms':>8} {'MB':>5}")
    with tempfile.TemporaryDirectory(prefix="readroom-slow-") as folder:
        environment = environment_of(Path(folder), bundle=NO_BUNDLE, servers={})
        prepare(environment)
        for server in arguments.servers:
            for count in arguments.clients:
                for behaviour in arguments.behaviours if count else BEHAVIOURS[:1]:
                    with running(SERVERS[server], environment) as (port, pid):
                        measure(server, port, pid, behaviour, count, arguments.addresses, Path(folder))


def measure(
    server: str, port: int, pid: int, behaviour: Behaviour, count: int, addresses: int, home: Path
) -> None:
    """Print the latency of the page beside `count` slow clients."""
    static = largest_static_file(home / "static")
    with SlowClients(port, behaviour, count, path=static, addresses=addresses):
        time.sleep(2)
        waits = [seconds for seconds in _parallel(f"http://127.0.0.1:{port}/{PAGE}") if seconds is not None]
        memory = _memory(pid)
    figures = f"{median(waits) * 1000:10.0f} {max(waits) * 1000:8.0f}" if waits else f"{'-':>10} {'-':>8}"
    name = f"{count} {behaviour}" if count else "none"
    print(f"{server:<12} {name:<16} {len(waits):>5}/{REQUESTS} {figures} {memory:5.0f}", flush=True)


def _parallel(url: str) -> list[float | None]:
    """Fetch the page with several clients at a time; None for a request without an answer."""
    waits: list[float | None] = []

    def fetch() -> None:
        for _ in range(REQUESTS // READERS):
            waits.append(_seconds(url))

    threads = [threading.Thread(target=fetch) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return waits


def _seconds(url: str) -> float | None:
    started = time.perf_counter()
    with contextlib.suppress(OSError):
        with urlopen(url, timeout=TIMEOUT) as response:
            response.read()
        return time.perf_counter() - started
    return None


def _memory(parent: int) -> float:
    """Return the resident memory of a process and its children in MB, without shared pages counted twice."""
    total = 0
    for pid in [parent, *_children(parent)]:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


@contextmanager
def running(
    command: Callable[[int], tuple[str, ...]], environment: dict[str, str]
) -> Iterator[tuple[int, int]]:
    """Run a server and yield its port and process id."""
    port = free_port()
    process = subprocess.Popen(
        command(port),
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: is_listening(port), seconds=60, what="the start of the server")
        for _ in range(12):  # until every process has imported its views
            urlopen(f"http://127.0.0.1:{port}/{PAGE}", timeout=300).close()
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
