"""`manage.py run_all`: starts, restarts and stops its processes, and leaves no orphans."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.http_client import HttpClient
from tests.journeys.conftest import send
from tests.servers import free_port, is_listening, wait_until

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[2]


class RunAll:
    """A running `manage.py run_all` with its own home."""

    def __init__(self, home: Path, *arguments: str, **environment: str) -> None:
        self.home, self.port = home, free_port()
        home.mkdir(exist_ok=True)
        self.log_file = home.with_name(f"{self.port}.log")
        own = {
            "READROOM_HOME": str(home),
            "PORT": str(self.port),
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "READROOM_DEFAULT_BUNDLE": str(home / "none"),
        }
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run_all", *arguments],
                cwd=ROOT,
                env=os.environ | own | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                umask=0o022,  # as most systems set it
            )

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def is_ready(self) -> bool:
        """Return whether the welcome is printed and both workers are ready."""
        assert self.process.poll() is None, self.log
        expected = ("Readroom is running at", "inference@", "training@")
        return all(text in self.log for text in expected) and self.log.count(" ready.") == 2

    def processes(self) -> set[int]:
        """Return every process of this home, whatever its parent is now."""
        variable = f"READROOM_HOME={self.home}".encode()
        pids = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if variable in (entry / "environ").read_bytes().split(b"\0"):
                        pids.add(int(entry.name))
                except OSError:
                    continue
        return pids


@contextmanager
def run_all(home: Path, *arguments: str, **environment: str) -> Iterator[RunAll]:
    """Run the command until the block ends, then kill all its processes."""
    running = RunAll(home, *arguments, **environment)
    try:
        yield running
    finally:
        for pid in running.processes():
            os.kill(pid, signal.SIGKILL)
        running.process.wait()


def test_all_processes_start_and_stop(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o755)  # the mode of an earlier release
    (tmp_path / "home" / "old.log").touch(0o644)
    with run_all(tmp_path / "home") as running:
        wait_until(running.is_ready, seconds=90, what="the start")
        password = re.search(r"Password: (\S+)", running.log)
        assert password, running.log
        assert f"http://127.0.0.1:{running.port}/" in running.log
        session = HttpClient(f"http://127.0.0.1:{running.port}").log_in("technician", password[1])
        send(session, patient="P-1")
        for name in ("web", "worker-inference", "worker-training"):
            assert re.search(rf"^{name} +\| ", running.log, re.MULTILINE), name

        running.process.send_signal(signal.SIGINT)
        running.process.wait(timeout=25)

        assert running.processes() == set()
        assert not is_listening(running.port)
        assert password[1] not in "".join(_file_texts(running.home))
        assert _open_to_others(running.home) == []


@pytest.mark.nightly
def test_the_second_start_keeps_the_staff_and_does_not_print_the_password(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with run_all(home, READROOM_DEMO_PASSWORD="a long pass phrase") as first:
        wait_until(first.is_ready, seconds=90, what="the first start")
        first.process.send_signal(signal.SIGTERM)
        first.process.wait(timeout=25)
    with run_all(home) as second:
        wait_until(second.is_ready, seconds=60, what="the second start")

        assert "unchanged since the first start" in second.log
        assert "a long pass phrase" not in second.log
        HttpClient(f"http://127.0.0.1:{second.port}").log_in("radiologist", "a long pass phrase")


def test_a_killed_worker_is_restarted(prepared_home: Path) -> None:
    with run_all(prepared_home, "--no-demo") as running:
        wait_until(running.is_ready, seconds=90, what="the start")
        before = _workers(running)
        leader = min(pid for pid in before if os.getpgid(pid) == pid)

        os.kill(leader, signal.SIGKILL)

        wait_until(
            lambda: "exited with signal SIGKILL; restarting in 1 s" in running.log,
            seconds=10,
            what="the message",
        )
        wait_until(lambda: _workers(running) - before, seconds=30, what="the new worker")
        wait_until(
            lambda: not (before & _workers(running)), seconds=10, what="the end of the old worker's child"
        )


def test_a_killed_supervisor_leaves_no_orphan(prepared_home: Path) -> None:
    with run_all(prepared_home, "--no-demo") as running:
        wait_until(running.is_ready, seconds=90, what="the start")

        running.process.kill()
        running.process.wait()

        wait_until(lambda: not running.processes(), seconds=25, what="the end of all processes")


def test_two_instances_cannot_share_a_home(prepared_home: Path) -> None:
    with run_all(prepared_home, "--no-demo") as first:
        wait_until(first.is_ready, seconds=90, what="the start")

        second = RunAll(first.home, "--no-demo")

        assert second.process.wait(timeout=60) == 1
        assert "is already running in" in second.log
        assert first.process.poll() is None


def test_a_port_in_use_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with run_all(tmp_path / "home", f"--port={port}") as failed:
            assert failed.process.wait(timeout=60) == 1
            assert f"Port {port} of 127.0.0.1 is in use" in failed.log


def _workers(running: RunAll) -> set[int]:
    """Return the processes of the inference worker."""
    return {pid for pid in running.processes() if b"inference@%h" in _command_line(pid)}


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _open_to_others(home: Path) -> list[str]:
    """List the files and folders of a home that the group or others may access."""
    paths = [home, *home.rglob("*")]
    assert {"media", "static", "old.log", "db.sqlite3", "secret_key"} <= {path.name for path in paths}
    return [f"{path} {path.stat().st_mode:o}" for path in paths if path.stat().st_mode & 0o077]


def _file_texts(home: Path) -> Iterator[str]:
    for file in home.rglob("*"):
        if file.is_file() and file.stat().st_size < 5_000_000:
            yield file.read_bytes().decode(errors="replace")
