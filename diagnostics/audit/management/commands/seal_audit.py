"""`manage.py seal_audit`: seal the recorded events now, as the periodic task does."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from diagnostics.audit.services import sealing


class Command(BaseCommand):
    help = "Seal the audit events that are not sealed yet, for example before a backup."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal and print the number."""
        self.stdout.write(f"{sealing.seal()} events sealed")
