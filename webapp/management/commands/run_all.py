"""`manage.py run_all`: make everything ready, then run the whole of Readroom on this machine."""

from __future__ import annotations

import fcntl
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils import timezone

from webapp import demo
from webapp.demo import DemoStaff
from webapp.processes import all_processes
from webapp.setup import prepare
from webapp.startup_probe import StartupProbe
from webapp.supervisor import Supervisor

COLOURS = {"web": 36, "worker-inference": 32, "worker-training": 33, "clock": 35, "readroom": 1}


class Command(BaseCommand):
    help = "Run web, workers and clock together; Ctrl-C stops all of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take address and port from the command line, else from HOST and PORT."""
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
        parser.add_argument("--no-demo", action="store_true", help="no demo staff and no demo cases")

    def handle(self, *args: Any, host: str, port: int, no_demo: bool, **options: Any) -> None:
        """Prepare, then supervise until a signal comes."""
        door = StartupProbe(host, port)
        if door.is_taken():
            raise CommandError(f"Port {port} of {host} is in use. Choose another: PORT={port + 1} make run")
        with _only_one():
            self.check(tags=["readroom"], display_num_errors=False)
            self._say("readroom", f"home is {settings.READROOM_HOME}")
            prepare()
            staff = None if no_demo else self._demo()
            connections.close_all()  # the processes open their own
            supervisor = Supervisor(all_processes(host=host, port=port), say=self._say)
            try:
                supervisor.run(each_turn=lambda: self._welcome(door, staff))
            finally:
                self._keep_password_from_being_lost(door, staff)
            self._say("readroom", "stopped")

    def _demo(self) -> DemoStaff:
        now = timezone.now()
        staff = demo.employ(password=os.environ.get("READROOM_DEMO_PASSWORD", ""), now=now)
        demo.admit(now=now)
        return staff

    def _welcome(self, door: StartupProbe, staff: DemoStaff | None) -> None:
        if door.opens():
            lines = [f"Readroom is at {door.address}", *_logins(staff)]
            lines += [f"Not well: {part} ({word})" for part, word in door.troubles]
            self.stdout.write(_boxed(lines))
            self.stdout.flush()

    def _keep_password_from_being_lost(self, door: StartupProbe, staff: DemoStaff | None) -> None:
        if not door.was_opened and staff is not None and staff.password is not None:
            self.stdout.write(_boxed(_logins(staff)))

    def _say(self, name: str, line: str) -> None:
        label = f"{name:<16} |"
        if self.stdout.isatty():
            label = f"\033[{COLOURS.get(name, 0)}m{label}\033[0m"
        self.stdout.write(f"{label} {line}")
        self.stdout.flush()


@contextmanager
def _only_one() -> Iterator[None]:
    """Hold the home: two clocks or two supervisors on one home would do everything twice."""
    with (settings.READROOM_HOME / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError(
                f"Readroom already runs in {settings.READROOM_HOME}. "
                "A second one needs a home and a port of its own: READROOM_HOME=... PORT=... make run"
            ) from None
        yield


def _logins(staff: DemoStaff | None) -> list[str]:
    if staff is None:
        return []
    names = "Log in as " + ", ".join(staff.usernames)
    if staff.password is None:
        return [names, "Password: that of the first start (READROOM_DEMO_PASSWORD=... sets a new one)"]
    return [names, f"Password: {staff.password}  (shown this once)"]


def _boxed(lines: list[str]) -> str:
    width = max(map(len, lines))
    rule = "+" + "-" * (width + 2) + "+"
    return "\n".join(["", rule, *(f"| {line:<{width}} |" for line in lines), rule, ""])
