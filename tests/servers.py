"""Redis and PostgreSQL for one test: on free loopback ports, in temporary folders."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

START_TIMEOUT = 30.0  # seconds
POLL_INTERVAL = 0.05  # seconds
# Below the range from which Linux takes ports for outgoing connections, and another block for each process.
_PORTS = count(10_000 + os.getpid() % 220 * 100)
_POSTGRES_SPEED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Server:
    """Redis or PostgreSQL on one port: started, and started again after a kill."""

    def __init__(self, command: list[str], port: int, cwd: Path | None) -> None:
        self._command, self._port, self._cwd = command, port, cwd
        self.process = self._start()

    def kill9(self) -> None:
        """Kill the server with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start the server again on its files, and wait until it listens."""
        deadline = time.monotonic() + START_TIMEOUT
        while not is_listening(self._port):
            if self.process.poll() is not None:  # PostgreSQL refuses while children of the killed one remain
                self.process = self._start()
            assert time.monotonic() < deadline, f"{self._command[0]} did not start again"
            time.sleep(POLL_INTERVAL)

    def stop(self) -> None:
        """End the server; PostgreSQL does so without waiting for its clients."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen(self._command, stdout=quiet, stderr=quiet, cwd=self._cwd)


_SERVERS: dict[int, Server] = {}


def server_at(url: str) -> Server:
    """Return the running server of a URL that this module has yielded."""
    port = urlsplit(url).port
    assert port is not None, url
    return _SERVERS[port]


def free_port() -> int:
    """Return a loopback port on which nothing listens and that no other test process takes."""
    for port in _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("count() ended")


def wait_until(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    """Poll a condition; raise TimeoutError with `what` if it stays false."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(POLL_INTERVAL)


def is_listening(port: int) -> bool:
    """Return whether a process listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def redis_server() -> Iterator[str]:
    """Run Redis as in production (append-only, no eviction) and yield its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="readroom-redis-") as folder:
        command = [
            *(_program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", folder),
            *("--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", ""),
        ]
        with _running(command, port):
            wait_until(lambda: is_listening(port), seconds=START_TIMEOUT, what="the start of Redis")
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgres_server(template: Path | None = None, *, save_as: Path | None = None) -> Iterator[str]:
    """Run PostgreSQL and yield the URL of its one database: an empty one, or that of a template cluster.

    With `save_as` the stopped cluster is copied there at the end, as a template for later servers.
    """
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="readroom-postgres-"))
    as_user = _as_unprivileged_user(folder)
    cluster = folder / "cluster"
    try:
        if template is None:
            options = ("-U", "readroom", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
            init = [*as_user, _program("initdb"), "-D", str(cluster), *options]
            subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        else:
            _copy(template, cluster)
        with _running([*as_user, *_serve(cluster, port)], port, cwd=folder):
            _wait_for_postgres(port, folder)
            if template is None:
                _postgres_client("createdb", port, folder, "readroom").check_returncode()
            yield f"postgres://readroom@127.0.0.1:{port}/readroom"
        if save_as is not None:
            _copy(cluster, save_as)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(cluster: Path, port: int) -> list[str]:
    settings = ("listen_addresses=127.0.0.1", f"unix_socket_directories={cluster.parent}", *_POSTGRES_SPEED)
    options = [word for setting in settings for word in ("-c", setting)]
    return [_program("postgres"), "-D", str(cluster), "-p", str(port), *options]


def _wait_for_postgres(port: int, folder: Path) -> None:
    wait_until(
        lambda: _postgres_client("pg_isready", port, folder).returncode == 0,
        seconds=START_TIMEOUT,
        what="the start of PostgreSQL",
    )


def _postgres_client(name: str, port: int, folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    command = [_program(name), "-h", "127.0.0.1", "-p", str(port), "-U", "readroom", *words]
    return subprocess.run(command, capture_output=True, cwd=folder)


def _copy(cluster: Path, target: Path) -> None:
    """Copy a stopped cluster with its owner, which must be the user that runs the server."""
    subprocess.run(["cp", "-a", str(cluster), str(target)], check=True)


def _as_unprivileged_user(folder: Path) -> list[str]:
    """Return the command prefix that runs PostgreSQL as its own user, because it refuses to run as root."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres", "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


@contextmanager
def _running(command: list[str], port: int, cwd: Path | None = None) -> Iterator[None]:
    _SERVERS[port] = Server(command, port, cwd)
    try:
        yield
    finally:
        _SERVERS.pop(port).stop()


def _program(name: str) -> str:
    of_postgres = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    path = str(of_postgres[0]) if of_postgres else shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed; `make apt` installs what the tests need")
    return path
