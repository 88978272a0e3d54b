"""A running Readroom: web, workers and scheduler as processes of their own, on a home of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.django_shell import DjangoShell
from tests.http_client import HttpClient
from tests.prepare_home import token_of, username
from tests.servers import free_port, wait_until
from tests.template_home import DEMO_PASSWORD, ROOT, Broker, environment_of, prepare, servers, template_home
from webapp.processes import INFERENCE, SCHEDULER, TRAINING, WEB, Process, all_processes

ALL_PROCESSES = (WEB, INFERENCE, TRAINING, SCHEDULER)
START_TIMEOUT = 300  # seconds; an idle host needs ten


@dataclass(frozen=True)
class StackSite:
    """A site that one test module has to itself, and the user names of its staff."""

    name: str
    technician: str
    radiologist: str
    colleague: str


class Stack:
    """One home and the processes on it.

    Staff of the default site: `technician`, `radiologist`, `admin`, and `approver`, a second administrator.
    """

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.environment = environment
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, Process] = {
            each.name: each for each in all_processes(host="127.0.0.1", port=self.port)
        }
        self._shell = DjangoShell(self.environment, home / "shell.log")

    def session(self, username: str = "") -> HttpClient:
        """Return an HTTP client with cookies, logged in if a user name is given."""
        client = HttpClient(self.base_url)
        return client.log_in(username, DEMO_PASSWORD) if username else client

    def api_client(self, username: str) -> HttpClient:
        """Return an HTTP client that sends the API token of a member of staff."""
        return HttpClient(self.base_url, token=self.token(username))

    def token(self, username: str) -> str:
        """Return the API token of a member of staff, created when the home was prepared."""
        return token_of(username)

    def site(self, name: str) -> StackSite:
        """Return one of the sites of tests.prepare_home.TEST_SITES with its staff."""
        staff = [username(name, role) for role in ("technician", "radiologist", "colleague")]
        return StackSite(f"Test site {name}", *staff)

    def manage(self, *words: str) -> str:
        """Run a command of manage.py on this home and return what it printed."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, f"manage.py {words[0]} failed:\n{done.stdout}{done.stderr}"
        return done.stdout

    def shell(self, code: str) -> str:
        """Run Python in the Django of this home and return what it printed."""
        return self._shell.run(code)

    def start(self, *names: str) -> None:
        """Start processes by name; those that run already are left alone."""
        for name in names:
            if name not in self.processes:
                self.processes[name] = self._start(name)

    def start_second(self, name: str) -> None:
        """Start a process a second time, as a second host by mistake does; it is named "second NAME"."""
        self.processes[f"second {name}"] = self._start(name)

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        command = self._commands[name]
        with self.log_file(name).open("ab") as log:
            return subprocess.Popen(
                command.command,
                cwd=ROOT,
                env=self.environment | command.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o022,  # as most systems set it
            )

    def kill9(self, name: str) -> None:
        """Kill a process and its children with SIGKILL, as a power cut would."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop_process(self, name: str) -> None:
        """Ask a process to stop, as a service manager does, and wait for its end."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait(timeout=60)

    def kill9_inference(self) -> None:
        """Kill the worker that classifies radiographs."""
        self.kill9(INFERENCE)

    def restart_inference(self) -> None:
        """Start that worker again."""
        self.start(INFERENCE)

    def stop(self) -> None:
        """Terminate all processes; kill those that do not end within 15 seconds."""
        self._shell.stop()
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
        """Return the file that holds the output of a process."""
        return self.home / f"{name}.log"

    def tail(self, lines: int = 25) -> str:
        """Return the last lines of every log, for the report of a failure."""
        logs = sorted(self.home.glob("*.log"))
        return "\n".join(f"--- {log.stem}\n" + "\n".join(_last(log, lines)) for log in logs)

    def is_healthy(self) -> bool:
        """Return whether /health/ reports no error, heartbeats aside; fails when a process has ended."""
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        assert not ended, f"{ended} ended\n{self.tail()}"
        try:
            states = self.session().get("/health/").json()["components"]
            return all(state == "ok" for name, state in states.items() if name not in ALL_PROCESSES)
        except (OSError, ValueError):
            return False


@contextmanager
def readroom_stack(
    broker: Broker = "embedded",
    *,
    bundle: Path | None = None,
    processes: Sequence[str] = ALL_PROCESSES,
    templates: Path | None = None,
) -> Iterator[Stack]:
    """Run Readroom on a fresh home; `bundle` replaces the default one.

    With a folder of `templates` the home is a copy of one that is prepared once for all stacks.
    """
    with ExitStack() as resources:
        home = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="readroom-stack-")))
        template = template_home(templates, broker, bundle) if templates else None
        if template:
            shutil.copytree(template / "home", home, dirs_exist_ok=True)
        running = resources.enter_context(servers(broker, template))
        stack = Stack(home, environment_of(home, bundle=bundle, servers=running))
        resources.callback(stack.stop)
        if not template:
            prepare(stack.environment)
        stack.start(*processes)
        wait_until(stack.is_healthy, seconds=START_TIMEOUT, what=f"the start of Readroom in {home}")
        yield stack


def _last(log: Path, lines: int) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-lines:]
