"""A whole running Readroom: web, workers and clock as processes of their own, and a browser to look at it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.servers import free_port, postgres_server, redis_server, wait_until
from tests.visitor import Visitor
from webapp.processes import INFERENCE, SCHEDULER, TRAINING, WEB, Process, all_processes

ROOT = Path(__file__).resolve().parent.parent
DEMO_PASSWORD = "a long pass phrase"
Broker = Literal["embedded", "production"]
CHROMIUM_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--disable-quic"),
]


class Stack:
    """One home and the processes on it; staff are `technician`, `radiologist` and `admin`."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.environment = (
            os.environ
            | environment
            | {
                "READROOM_HOME": str(home),
                "DJANGO_SETTINGS_MODULE": "webapp.settings",
                "READROOM_DEMO_PASSWORD": DEMO_PASSWORD,
            }
        )
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._parts: dict[str, Process] = {
            part.name: part for part in all_processes(host="127.0.0.1", port=self.port)
        }

    def visitor(self, username: str = "") -> Visitor:
        """Give somebody with a browser, logged in when a name is given."""
        visitor = Visitor(self.base_url)
        return visitor.log_in(username, DEMO_PASSWORD) if username else visitor

    def script(self, username: str) -> Visitor:
        """Give a script that acts for a member of staff by an API token."""
        made = self.manage("drf_create_token", username)
        return Visitor(self.base_url, token=made.split()[2])

    def manage(self, *words: str) -> str:
        """Run a command of manage.py on this home and give what it printed."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, f"manage.py {words[0]} failed:\n{done.stdout}{done.stderr}"
        return done.stdout

    def shell(self, code: str) -> str:
        """Run Python in this home's Django and give what it printed."""
        return self.manage("shell", "--verbosity=0", "-c", code).strip()

    def start(self, *names: str) -> None:
        """Start parts by name."""
        for name in names:
            part = self._parts[name]
            with self.log_file(name).open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    part.command,
                    cwd=ROOT,
                    env=self.environment | part.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def kill9(self, name: str) -> None:
        """Kill a part and all it started, as a power cut would."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill9_inference(self) -> None:
        """Kill the worker that classifies radiographs."""
        self.kill9(INFERENCE)

    def restart_inference(self) -> None:
        """Start that worker again."""
        self.start(INFERENCE)

    def stop(self) -> None:
        """End everything, politely first."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes.clear()

    def log_file(self, name: str) -> Path:
        """Name the file that holds a part's output."""
        return self.home / f"{name}.log"

    def tail(self, lines: int = 25) -> str:
        """Give the last lines of every part, for a failure's report."""
        logs = sorted(self.home.glob("*.log"))
        return "\n".join(f"--- {log.stem}\n" + "\n".join(_last(log, lines)) for log in logs)

    def is_well(self) -> bool:
        """Ask /health/; a part that ended meanwhile is an error at once."""
        fallen = [name for name, process in self.processes.items() if process.poll() is not None]
        assert not fallen, f"{fallen} ended\n{self.tail()}"
        try:
            return self.visitor().get("/health/").status == 200
        except OSError:
            return False


@contextmanager
def readroom_stack(broker: Broker = "embedded", *, bundle: Path | None = None) -> Iterator[Stack]:
    """Run Readroom on a fresh home; `bundle` takes the place of the default one."""
    with ExitStack() as held:
        environment = {"READROOM_DEFAULT_BUNDLE": str(bundle)} if bundle else {}
        if broker == "production":
            environment |= {
                "BROKER_URL": held.enter_context(redis_server()),
                "DATABASE_URL": held.enter_context(postgres_server()),
                "SECRET_KEY": "for-tests-" + "x" * 50,
            }
        home = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="readroom-stack-")))
        stack = Stack(home, environment)
        held.callback(stack.stop)
        stack.manage("prepare")
        stack.manage("demo", "--staff-only")
        stack.start(WEB, INFERENCE, TRAINING, SCHEDULER)
        wait_until(stack.is_well, seconds=60, what=f"the start of Readroom in {home}")
        yield stack


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an untrained bundle that answers in milliseconds; built outside, to keep this process light."""
    directory = tmp_path_factory.mktemp("bundle") / "small"
    code = (
        "import sys; from pathlib import Path; from tests.small_bundle import make_bundle; "
        "make_bundle(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(directory)], cwd=ROOT, check=True, capture_output=True)
    return directory


@pytest.fixture(scope="session")
def embedded_stack(small_bundle: Path) -> Iterator[Stack]:
    """Run the one-machine Readroom once for all tests that share it; each brings radiographs of its own."""
    with readroom_stack("embedded", bundle=small_bundle) as stack:
        yield stack


@pytest.fixture(scope="session")
def production_stack(small_bundle: Path) -> Iterator[Stack]:
    """Run Readroom on PostgreSQL and Redis once for all tests that share it."""
    with readroom_stack("production", bundle=small_bundle) as stack:
        yield stack


@pytest.fixture
def browser() -> Iterator[Any]:
    """Give a Chromium; its loop lives in this thread, so look at a running stack with it, not at the ORM."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


def chromium_path() -> str:
    """Say where the machine's Chromium lies."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "Chromium is not installed; `make apt` installs what the tests need"
    return found


def _last(log: Path, lines: int) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-lines:]
