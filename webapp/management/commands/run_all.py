"""`manage.py run_all`: set up the home, then run all processes of Readroom on this host."""

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

from webapp.demo.cases import create_cases
from webapp.demo.staff import DemoStaff, create_staff
from webapp.processes import DICOM, INFERENCE, SCHEDULER, TRAINING, WEB, all_processes, dicom_listener
from webapp.setup import prepare
from webapp.startup_probe import StartupProbe
from webapp.supervisor import Supervisor

READROOM = "readroom"
COLORS = {WEB: 36, INFERENCE: 32, TRAINING: 33, SCHEDULER: 35, DICOM: 34, READROOM: 1}  # ANSI


class Command(BaseCommand):
    help = "Run the web process, the workers and the scheduler; Ctrl-C stops all of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add host and port, with HOST and PORT as defaults."""
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
        parser.add_argument("--no-demo", action="store_true", help="create no demo staff and no demo cases")

    def handle(self, *args: Any, host: str, port: int, no_demo: bool, **options: Any) -> None:
        """Set up the home, then supervise the processes until a signal arrives."""
        probe = StartupProbe(host, port)
        if probe.is_port_in_use():
            raise CommandError(f"Port {port} of {host} is in use. Choose another: PORT={port + 1} make run")
        with _home_lock():
            self.check(tags=["readroom"], display_num_errors=False)
            self._print_line(READROOM, f"home: {settings.READROOM_HOME}")
            prepare()
            staff = None if no_demo else self._create_demo()
            connections.close_all()  # the processes open their own
            processes = all_processes(host=host, port=port)
            if settings.DICOM.port:
                processes = (*processes, dicom_listener())
            supervisor = Supervisor(processes, print_line=self._print_line)
            try:
                supervisor.run(after_each_poll=lambda: self._print_welcome_once(probe, staff))
            finally:
                self._print_password_if_unseen(probe, staff)
            self._print_line(READROOM, "all processes stopped")

    def _create_demo(self) -> DemoStaff:
        now = timezone.now()
        staff = create_staff(password=os.environ.get("READROOM_DEMO_PASSWORD", ""), now=now)
        create_cases(now=now)
        return staff

    def _print_welcome_once(self, probe: StartupProbe, staff: DemoStaff | None) -> None:
        if probe.has_just_started():
            lines = [f"Readroom is running at {probe.url}", *_login_lines(staff)]
            lines += [f"Not ready: {component} ({state})" for component, state in probe.problems]
            self.stdout.write(_boxed(lines))
            self.stdout.flush()

    def _print_password_if_unseen(self, probe: StartupProbe, staff: DemoStaff | None) -> None:
        if not probe.has_started and staff is not None and staff.password is not None:
            self.stdout.write(_boxed(_login_lines(staff)))

    def _print_line(self, name: str, line: str) -> None:
        label = f"{name:<16} |"
        if self.stdout.isatty():
            label = f"\033[{COLORS.get(name, 0)}m{label}\033[0m"
        self.stdout.write(f"{label} {line}")
        self.stdout.flush()


@contextmanager
def _home_lock() -> Iterator[None]:
    """Lock the home: a second scheduler would send every periodic task twice."""
    with (settings.READROOM_HOME / "run_all.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError(
                f"Readroom is already running in {settings.READROOM_HOME}. "
                "Start a second instance with its own home and port: READROOM_HOME=... PORT=... make run"
            ) from None
        yield


def _login_lines(staff: DemoStaff | None) -> list[str]:
    if staff is None:
        return []
    names = "Log in as " + ", ".join(staff.usernames)
    if staff.password is None:
        return [
            names,
            "Password: unchanged since the first start (READROOM_DEMO_PASSWORD=... sets another one)",
        ]
    return [names, f"Password: {staff.password}  (shown only once)"]


def _boxed(lines: list[str]) -> str:
    width = max(map(len, lines))
    rule = "+" + "-" * (width + 2) + "+"
    return "\n".join(["", rule, *(f"| {line:<{width}} |" for line in lines), rule, ""])
