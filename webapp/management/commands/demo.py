"""`manage.py demo`: create demo staff and demo cases."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from webapp.demo.cases import create_cases
from webapp.demo.staff import create_staff


class Command(BaseCommand):
    help = "Create the missing demo staff and demo cases."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the option to create staff only."""
        parser.add_argument("--staff-only", action="store_true", help="do not create demo cases")

    def handle(self, *args: Any, staff_only: bool, **options: Any) -> None:
        """Create them, and print the password if it was generated just now."""
        now = timezone.now()
        staff = create_staff(password=os.environ.get("READROOM_DEMO_PASSWORD", ""), now=now)
        opened = 0 if staff_only else create_cases(now=now)
        names = ", ".join(staff.usernames)
        self.stdout.write(f"Demo cases created: {opened}. Demo staff: {names}.")
        self.stdout.write(f"Password: {staff.password}" if staff.password else "No password was generated.")
