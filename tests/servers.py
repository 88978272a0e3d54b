"""Redis and PostgreSQL of one's own: on free loopback ports, in folders that are thrown away."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

START_WITHIN = 30.0  # seconds


def free_port() -> int:
    """Find a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(happened: Callable[[], object], *, seconds: float, what: str) -> None:
    """Look again and again, and fail with `what` when it did not happen in time."""
    until = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.05)


def answers(port: int) -> bool:
    """Say whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a Redis as production would (append-only, no eviction) and give its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="readroom-redis-") as folder:
        command = [
            *(_program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", folder),
            *("--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", ""),
        ]
        with _running(command):
            wait_until(lambda: answers(port), seconds=START_WITHIN, what="Redis' start")
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a PostgreSQL with one empty database and give its URL."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="readroom-postgres-"))
    as_user = _owned_by_a_mortal(folder)
    cluster = str(folder / "cluster")
    try:
        init = [
            _program("initdb"),
            "-D",
            cluster,
            "-U",
            "readroom",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run([*as_user, *init], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        options = [
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"unix_socket_directories={folder}",
            "-c",
            "fsync=off",
        ]
        serve = [_program("postgres"), "-D", cluster, "-p", str(port), *options]
        with _running([*as_user, *serve], cwd=folder):
            wait_until(lambda: answers(port), seconds=START_WITHIN, what="PostgreSQL's start")
            create = [_program("createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "readroom", "readroom"]
            wait_until(
                lambda: subprocess.run(create, capture_output=True, cwd=folder).returncode == 0,
                seconds=START_WITHIN,
                what="the creation of the database",
            )
            yield f"postgres://readroom@127.0.0.1:{port}/readroom"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owned_by_a_mortal(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: give the words that run a command as its own user then."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres", "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


@contextmanager
def _running(command: list[str], cwd: Path | None = None) -> Iterator[None]:
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd)
    try:
        yield
    finally:
        server.terminate()
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _program(name: str) -> str:
    beside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = str(beside[0]) if beside else shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed; `make apt` installs what the tests need")
    return found
