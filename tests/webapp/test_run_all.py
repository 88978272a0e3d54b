"""`manage.py run_all`: starts, mends and ends its processes, and leaves none behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import answers, free_port, wait_until
from tests.visitor import Visitor

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[2]


class Up:
    """A running `manage.py run_all` with a home of its own."""

    def __init__(self, home: Path, *words: str, **environment: str) -> None:
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
                [sys.executable, "manage.py", "run_all", *words],
                cwd=ROOT,
                env=os.environ | own | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def is_ready(self) -> bool:
        """Say whether the box is out and every part has been started."""
        assert self.process.poll() is None, self.log
        words = ("Readroom is at", "inference@", "training@")
        return all(word in self.log for word in words) and self.log.count(" ready.") == 2

    def family(self) -> set[int]:
        """Find every process that works on this home, whoever its parent is now."""
        mark = f"READROOM_HOME={self.home}".encode()
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.add(int(entry.name))
                except OSError:
                    continue
        return found


@contextmanager
def up(home: Path, *words: str, **environment: str) -> Iterator[Up]:
    """Run it until the end of the block and let nothing survive that."""
    running = Up(home, *words, **environment)
    try:
        yield running
    finally:
        for pid in running.family():
            os.kill(pid, signal.SIGKILL)
        running.process.wait()


def test_it_starts_everything_and_ends_everything(tmp_path: Path) -> None:
    with up(tmp_path / "home") as running:
        wait_until(running.is_ready, seconds=90, what="the start")
        box = re.search(r"Password: (\S+)", running.log)
        assert box, running.log
        assert f"http://127.0.0.1:{running.port}/" in running.log
        Visitor(f"http://127.0.0.1:{running.port}").log_in("technician", box[1])
        for part in ("web", "worker-inference", "worker-training"):
            assert re.search(rf"^{part} +\| ", running.log, re.MULTILINE), part

        running.process.send_signal(signal.SIGINT)
        running.process.wait(timeout=25)

        assert running.family() == set()
        assert not answers(running.port)
        assert box[1] not in "".join(_texts(running.home))


def test_the_second_start_is_quick_and_keeps_the_password_to_itself(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with up(home, READROOM_DEMO_PASSWORD="a long pass phrase") as first:
        wait_until(first.is_ready, seconds=90, what="the first start")
        first.process.send_signal(signal.SIGTERM)
        first.process.wait(timeout=25)
    began = time.monotonic()
    with up(home) as second:
        wait_until(second.is_ready, seconds=60, what="the second start")

        assert time.monotonic() - began < 30  # seconds on a quiet machine; the tests' is busy
        assert "that of the first start" in second.log
        assert "a long pass phrase" not in second.log
        Visitor(f"http://127.0.0.1:{second.port}").log_in("radiologist", "a long pass phrase")


def test_a_killed_worker_is_started_again(tmp_path: Path) -> None:
    with up(tmp_path / "home", "--no-demo") as running:
        wait_until(running.is_ready, seconds=90, what="the start")
        before = _workers(running)
        leader = min(pid for pid in before if os.getpgid(pid) == pid)

        os.kill(leader, signal.SIGKILL)

        wait_until(
            lambda: "ended with signal SIGKILL; starting again in 1 s" in running.log, seconds=10, what="word"
        )
        wait_until(lambda: _workers(running) - before, seconds=30, what="the new worker")
        wait_until(
            lambda: not (before & _workers(running)), seconds=10, what="the end of the old worker's child"
        )


def test_a_supervisor_killed_outright_leaves_no_orphan(tmp_path: Path) -> None:
    with up(tmp_path / "home", "--no-demo") as running:
        wait_until(running.is_ready, seconds=90, what="the start")

        running.process.kill()
        running.process.wait()

        wait_until(lambda: not running.family(), seconds=25, what="the end of all processes")


def test_two_do_not_share_a_home(tmp_path: Path) -> None:
    with up(tmp_path / "home", "--no-demo") as first:
        wait_until(first.is_ready, seconds=90, what="the start")

        second = Up(first.home, "--no-demo")

        assert second.process.wait(timeout=60) == 1
        assert "already runs in" in second.log
        assert first.process.poll() is None


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with up(tmp_path / "home", f"--port={port}") as refused:
            assert refused.process.wait(timeout=60) == 1
            assert f"Port {port} of 127.0.0.1 is in use" in refused.log


def _workers(running: Up) -> set[int]:
    """Find the inference worker's processes."""
    return {pid for pid in running.family() if b"inference@%h" in _words(pid)}


def _words(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _texts(home: Path) -> Iterator[str]:
    for file in home.rglob("*"):
        if file.is_file() and file.stat().st_size < 5_000_000:
            yield file.read_bytes().decode(errors="replace")
