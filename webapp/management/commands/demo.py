"""`manage.py demo`: staff and drawn cases to try Readroom with."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from webapp import demo


class Command(BaseCommand):
    help = "Create the demo staff and demo cases; running it again adds only what is missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Let somebody ask for the staff alone."""
        parser.add_argument("--staff-only", action="store_true", help="no demo cases")

    def handle(self, *args: Any, staff_only: bool, **options: Any) -> None:
        """Create them and print the password, if it was set just now."""
        now = timezone.now()
        staff = demo.employ(password=os.environ.get("READROOM_DEMO_PASSWORD", ""), now=now)
        opened = 0 if staff_only else demo.admit(now=now)
        names = ", ".join(staff.usernames)
        self.stdout.write(f"Demo cases opened: {opened}. Staff: {names}.")
        self.stdout.write(f"Password: {staff.password}" if staff.password else "Passwords are unchanged.")
