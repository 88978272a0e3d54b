"""`manage.py sweep_storage`: delete files that no row names."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.cases.storage import SAFE_AGE
from diagnostics.errors import StorageUnavailable
from diagnostics.storage import services


class Command(BaseCommand):
    help = "Delete files of the home that no row names, such as those of a killed process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the age."""
        hours = SAFE_AGE.total_seconds() / 3600
        text = f"default {hours:g}; use less only while no process of Readroom runs"
        parser.add_argument("--older-than-hours", type=float, default=hours, help=text)

    def handle(self, *args: Any, older_than_hours: float, **options: Any) -> None:
        """Sweep, and print the counts."""
        try:
            result = services.sweep(now=timezone.now(), older_than=timedelta(hours=older_than_hours))
        except StorageUnavailable as error:
            raise CommandError(str(error)) from error
        counts = ", ".join(f"{name} {count}" for name, count in asdict(result).items())
        self.stdout.write(f"Deleted {result.total} files and folders that no row names: {counts}.")
