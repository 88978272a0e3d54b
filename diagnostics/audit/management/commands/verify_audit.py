"""`manage.py verify_audit`: verify the hash chain of the audit log."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from diagnostics.audit.selectors.verification import verify


class Command(BaseCommand):
    help = (
        "Verify the audit log. Exits with 1 and names the first event that was edited, deleted or reordered, "
        "or the position after which events are missing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the end of the chain, or the problems."""
        report = verify(now=timezone.now())
        self.stdout.write(f"{report.events} sealed events, {report.unsealed} not yet sealed")
        self.stdout.write(f"last good position {report.end.position}, hash {report.end.hash}")
        if report.problems:
            raise CommandError("The audit log is damaged: " + "; ".join(report.problems) + ".")
        self.stdout.write("The audit log is complete and unchanged.")
